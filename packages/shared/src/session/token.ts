/**
 * The enroll token `hw1_…`: everything an agent needs to find its controller, to know it, and to be let in once.
 *
 *     hw1_ base64url( id 8 | secret 32 | controller's public key 32 | URLs | checksum 4 )
 *
 * The checksum catches paste errors only; nothing rests on it.
 */

import { createHash, randomBytes } from 'node:crypto';
import { RelayError } from '../errors/relay-error.js';
import { isDialUrl } from '../net/dial-url.js';
import { Secret } from '../net/secret.js';
import { formatKey, KEY_BYTES, keyBytes } from './keys.js';
import { decodeUrls, encodeUrls } from './token-urls.js';

const VERSION_PREFIX = 'hw1_';

/** Names the token at the controller; not secret, so it may be in logs and lists. */
const ID_BYTES = 8;

/** 256 bits from the system's random numbers: guessing is hopeless, so its hash needs no salt and no slow function. */
const SECRET_BYTES = 32;

/** 32 bits: one paste error in four thousand million goes unnoticed here, and is refused by the controller then. */
const CHECKSUM_BYTES = 4;

const FIXED_BYTES = ID_BYTES + SECRET_BYTES + KEY_BYTES;

const COPY_HINT = 'copy the whole token as the relay printed it, or make a new one there';

export interface Token {
  /** Base64url of 8 bytes. */
  readonly id: string;
  /** Base64url of 32 bytes. */
  readonly secret: Secret;
  /** The controller's public key, base64. */
  readonly controllerKey: string;
  /** What the agent dials, in this order. */
  readonly urls: readonly string[];
}

/** A fresh token of this controller; throws `bad-input` for URLs that cannot be dialled. */
export function createToken(controllerKey: string, urls: readonly string[]): Token {
  encodeUrls(urls);
  return {
    id: randomBytes(ID_BYTES).toString('base64url'),
    secret: new Secret(randomBytes(SECRET_BYTES).toString('base64url')),
    controllerKey,
    urls: [...urls],
  };
}

/** The text to hand to the backend's owner: a secret itself. */
export function formatToken(token: Token): Secret {
  const body = Buffer.concat([
    Buffer.from(token.id, 'base64url'),
    Buffer.from(token.secret.reveal(), 'base64url'),
    keyBytes(token.controllerKey),
    encodeUrls(token.urls),
  ]);
  return new Secret(VERSION_PREFIX + Buffer.concat([body, checksum(body)]).toString('base64url'));
}

/** Reads a token as it was pasted; throws `bad-input` that says what is wrong and never repeats the text. */
export function parseToken(text: string): Token {
  const bytes = tokenBytes(text.trim());
  const list = bytes.length < FIXED_BYTES ? null : decodeUrls(bytes.subarray(FIXED_BYTES));
  const bodyBytes = FIXED_BYTES + (list?.byteLength ?? 0);
  if (list === null || bytes.length < bodyBytes + CHECKSUM_BYTES) {
    throw new RelayError('bad-input', 'the token is cut off or mistyped: its end is missing', { hint: COPY_HINT });
  }
  const body = bytes.subarray(0, bodyBytes);
  if (bytes.length > bodyBytes + CHECKSUM_BYTES || !checksum(body).equals(bytes.subarray(bodyBytes))) {
    throw new RelayError('bad-input', 'the token is mistyped: its checksum does not fit', { hint: COPY_HINT });
  }
  if (list.urls.length === 0 || !list.urls.every(isDialUrl)) {
    throw new RelayError('bad-input', 'the token names no address that could be dialled', { hint: COPY_HINT });
  }
  return {
    id: body.toString('base64url', 0, ID_BYTES),
    secret: new Secret(body.toString('base64url', ID_BYTES, ID_BYTES + SECRET_BYTES)),
    controllerKey: formatKey(body.subarray(ID_BYTES + SECRET_BYTES, FIXED_BYTES)),
    urls: list.urls,
  };
}

function tokenBytes(text: string): Buffer {
  if (text === '')
    throw new RelayError('bad-input', 'there is no token', { hint: 'paste the token the relay printed' });
  const version = /^hw(\d+)_/.exec(text)?.[1];
  if (version === undefined) {
    throw new RelayError('bad-input', `that is not a homeward token: tokens start with ${VERSION_PREFIX}`, {
      hint: COPY_HINT,
    });
  }
  if (!text.startsWith(VERSION_PREFIX)) {
    throw new RelayError('bad-input', 'the token is of another version of homeward than this one', {
      hint: 'install the same version at the relay and at the backend',
    });
  }
  const encoded = text.slice(VERSION_PREFIX.length);
  if (/\s/.test(encoded)) {
    throw new RelayError('bad-input', 'the token has a space or a line break inside', {
      hint: 'paste it as one line',
    });
  }
  const bytes = Buffer.from(encoded, 'base64url');
  // Node skips foreign characters and surplus bits; a token has one spelling only.
  if (bytes.toString('base64url') !== encoded) {
    throw new RelayError('bad-input', 'the token is cut off or mistyped', { hint: COPY_HINT });
  }
  return bytes;
}

/** The version is under the checksum, so that a mistyped version is not taken for another one's token. */
function checksum(body: Uint8Array): Buffer {
  return createHash('sha256').update(VERSION_PREFIX).update(body).digest().subarray(0, CHECKSUM_BYTES);
}

/** What the controller stores instead of the secret: SHA-256, hex. */
export function hashTokenSecret(secret: Uint8Array): string {
  return createHash('sha256').update(secret).digest('hex');
}
