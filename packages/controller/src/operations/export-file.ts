/**
 * A relay's whole state as one encrypted document, to move it to another machine.
 *
 *     { format, version, kdf: { name: "scrypt", N, r, p, salt }, nonce, ciphertext }      salt, nonce, ciphertext in base64
 *
 * The key is scrypt(passphrase, salt) (RFC 7914), the cipher ChaCha20-Poly1305 (RFC 8439) with its tag at the end.
 */

import { createCipheriv, createDecipheriv, randomBytes, type ScryptOptions, scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import { RelayError } from '@homeward/shared/errors/relay-error';
import type { Secret } from '@homeward/shared/net/secret';
import { z } from 'zod';
import { type RelayState, stateSchema } from '../store/state.js';

const FORMAT = 'homeward-relay-export';
const VERSION = 1;
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const SALT_BYTES = 32;

/** What scrypt costs: N·r·128 bytes of memory. */
export interface ScryptCost {
  readonly N: number;
  readonly r: number;
  readonly p: number;
}

/** 128 MiB and about half a second for each guess of a passphrase: the file may lie about for years. */
export const DEFAULT_COST: ScryptCost = { N: 2 ** 17, r: 8, p: 1 };

/** What a file may ask of us before its passphrase is known to be right: twice the default's memory, four times its passes. */
const MOST = { N: 2 ** 18, r: 8, p: 4 };

/** node refuses to take more; the margin is for what scrypt needs besides its large table. */
const MAX_MEMORY_BYTES = 128 * MOST.N * MOST.r + 1024 * 1024;

const derive = promisify<string, Buffer, number, ScryptOptions, Buffer>(scrypt);

const bytes = (least: number, most: number) =>
  z.base64().refine((text) => {
    const { length } = Buffer.from(text, 'base64');
    return least <= length && length <= most;
  }, 'wrong length');

const documentSchema = z.strictObject({
  format: z.literal(FORMAT),
  version: z.literal(VERSION),
  kdf: z.strictObject({
    name: z.literal('scrypt'),
    N: z
      .int()
      .min(2)
      .max(MOST.N)
      .refine((N) => Number.isInteger(Math.log2(N)), 'no power of two'),
    r: z.int().min(1).max(MOST.r),
    p: z.int().min(1).max(MOST.p),
    salt: bytes(16, 64),
  }),
  nonce: bytes(NONCE_BYTES, NONCE_BYTES),
  ciphertext: z.base64(),
});

export type ExportDocument = z.infer<typeof documentSchema>;

/** The document's text, one line. */
export async function sealState(state: RelayState, passphrase: Secret, cost = DEFAULT_COST): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('chacha20-poly1305', await keyOf(passphrase, salt, cost), nonce, {
    authTagLength: TAG_BYTES,
  });
  const plain = JSON.stringify(stateSchema.encode(state));
  const ciphertext = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()]);
  const document: ExportDocument = {
    format: FORMAT,
    version: VERSION,
    kdf: { name: 'scrypt', N: cost.N, r: cost.r, p: cost.p, salt: salt.toString('base64') },
    nonce: nonce.toString('base64'),
    ciphertext: ciphertext.toString('base64'),
  };
  return `${JSON.stringify(document)}\n`;
}

/** Throws `bad-input` for a text that is no export, or one of another version. `where` names its file. */
export function parseExport(text: string, where: string): ExportDocument {
  const value = parseJson(text);
  const head = z.looseObject({ format: z.literal(FORMAT), version: z.unknown() }).safeParse(value);
  if (!head.success) {
    throw new RelayError('bad-input', `${where} is not an export of a relay, or is damaged`, {
      hint: 'make one on the old machine: controller export FILE',
    });
  }
  if (head.data.version !== VERSION) {
    throw new RelayError('bad-input', `${where} was made by another version of homeward`, {
      hint: 'install the version that made it',
    });
  }
  const result = documentSchema.safeParse(value);
  if (result.success) return result.data;
  throw new RelayError('bad-input', `${where} is damaged: ${issueText(result.error)}`, {
    hint: 'copy it once more from the old machine',
  });
}

/** Throws `refused` for a wrong passphrase or a damaged ciphertext, which cannot be told apart, and `bad-input` for a state of another version. */
export async function openExport(document: ExportDocument, passphrase: Secret, where: string): Promise<RelayState> {
  const { kdf, nonce, ciphertext } = document;
  const sealed = Buffer.from(ciphertext, 'base64');
  const key = await keyOf(passphrase, Buffer.from(kdf.salt, 'base64'), kdf);
  const plain = decrypt(key, Buffer.from(nonce, 'base64'), sealed);
  if (plain === null) {
    throw new RelayError('refused', `the passphrase is wrong, or ${where} is damaged; nothing was changed`);
  }
  const result = stateSchema.safeParse(parseJson(plain.toString('utf8')));
  if (result.success) return result.data;
  throw new RelayError(
    'bad-input',
    `${where} holds a state that this version does not know: ${issueText(result.error)}`,
    {
      hint: 'install the version that made it',
    },
  );
}

function keyOf(passphrase: Secret, salt: Buffer, { N, r, p }: ScryptCost): Promise<Buffer> {
  return derive(passphrase.reveal(), salt, KEY_BYTES, { N, r, p, maxmem: MAX_MEMORY_BYTES });
}

function decrypt(key: Buffer, nonce: Buffer, sealed: Buffer): Buffer | null {
  if (sealed.length < TAG_BYTES) return null;
  const end = sealed.length - TAG_BYTES;
  const decipher = createDecipheriv('chacha20-poly1305', key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAuthTag(sealed.subarray(end));
  try {
    return Buffer.concat([decipher.update(sealed.subarray(0, end)), decipher.final()]);
  } catch {
    // The tag does not fit: node says no more, and there is no more to say.
    return null;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function issueText(error: z.ZodError): string {
  const issue = error.issues[0];
  return `${issue?.path.join('.') || 'content'}: ${issue?.message ?? 'unknown'}`;
}
