/**
 * The handshake Noise_IK_25519_ChaChaPoly_SHA512 (noiseprotocol.org revision 34), for either role.
 *
 *     <- s                   the agent knows the controller's key from its token
 *     -> e, es, s, ss        agent to controller, 96 bytes: can be replayed by anybody who saw it
 *     <- e, ee, se           controller to agent, 48 bytes: from here on forward secret
 */

import nacl from 'tweetnacl';
import { RelayError } from '../errors/relay-error.js';
import { type CipherState, TAG_BYTES } from './cipher-state.js';
import { formatKey, generateKeyPair, KEY_BYTES, type KeyPair, keyBytes } from './keys.js';
import { createSymmetricState, type SymmetricState } from './symmetric-state.js';

const PROTOCOL_NAME = 'Noise_IK_25519_ChaChaPoly_SHA512';

/** The wire's major version: ends that differ in it derive different keys and cannot talk by accident. */
const PROLOGUE = Buffer.from('homeward/1', 'ascii');

/** The agent's message with an empty payload: ephemeral key, encrypted static key, tag of the payload. */
export const FIRST_MESSAGE_BYTES = KEY_BYTES + (KEY_BYTES + TAG_BYTES) + TAG_BYTES;

/** The controller's answer with an empty payload. */
export const SECOND_MESSAGE_BYTES = KEY_BYTES + TAG_BYTES;

/** What a finished handshake leaves. */
export interface NoiseSession {
  readonly sending: CipherState;
  readonly receiving: CipherState;
  /** The peer's static public key, base64. */
  readonly remoteKey: string;
  /** 64 bytes that are unique to this session. */
  readonly handshakeHash: Uint8Array;
}

export interface HandshakeOptions {
  readonly identity: KeyPair;
  /** Only tests with published vectors give another one. */
  readonly prologue?: Uint8Array;
  /** Only tests with published vectors give one; it must never be used twice. */
  readonly ephemeral?: KeyPair;
}

export interface Initiator {
  /** The first message. */
  write(payload?: Uint8Array): Uint8Array;
  /** Takes the answer; throws `protocol` when it is not from the owner of the pinned key. */
  read(message: Uint8Array): { payload: Uint8Array; session: NoiseSession };
}

export interface Responder {
  /** Takes the first message; throws `protocol` when it was not made for our key. Proves nothing about freshness. */
  read(message: Uint8Array): { payload: Uint8Array; remoteKey: string };
  /** The answer; the peer is authenticated only by its first message after this. */
  write(payload?: Uint8Array): { message: Uint8Array; session: NoiseSession };
}

const NO_PAYLOAD = new Uint8Array(0);

interface RawPair {
  readonly publicKey: Uint8Array;
  readonly secretKey: Uint8Array;
}

function rawPair(pair: KeyPair): RawPair {
  return { publicKey: keyBytes(pair.publicKey), secretKey: keyBytes(pair.secretKey.reveal()) };
}

/** X25519; throws `protocol` for a low-order point, for which tweetnacl returns zeros (RFC 7748, 6.1). */
function sharedSecret(own: RawPair, remote: Uint8Array): Uint8Array {
  const secret = nacl.scalarMult(own.secretKey, remote);
  if (secret.every((byte) => byte === 0)) throw new RelayError('protocol', 'the peer sent a worthless key');
  return secret;
}

function startTranscript(prologue: Uint8Array, responderKey: Uint8Array): SymmetricState {
  const symmetric = createSymmetricState(PROTOCOL_NAME);
  symmetric.mixHash(prologue);
  symmetric.mixHash(responderKey);
  return symmetric;
}

/** tweetnacl throws a foreign error on wrong sizes, so they are judged before anything else. */
function requireLength(message: Uint8Array, minimum: number): void {
  if (message.length < minimum) throw new RelayError('protocol', 'the peer sent a handshake of the wrong length');
}

/** The agent's side; `remoteKey` (base64) is the controller's key as the token pinned it. */
export function createInitiator(options: HandshakeOptions & { readonly remoteKey: string }): Initiator {
  const own = rawPair(options.identity);
  const ephemeral = rawPair(options.ephemeral ?? generateKeyPair());
  const remote = keyBytes(options.remoteKey);
  const symmetric = startTranscript(options.prologue ?? PROLOGUE, remote);
  return {
    write(payload = NO_PAYLOAD) {
      symmetric.mixHash(ephemeral.publicKey);
      symmetric.mixKey(sharedSecret(ephemeral, remote));
      const encryptedKey = symmetric.encryptAndHash(own.publicKey);
      symmetric.mixKey(sharedSecret(own, remote));
      return Buffer.concat([ephemeral.publicKey, encryptedKey, symmetric.encryptAndHash(payload)]);
    },
    read(message) {
      requireLength(message, SECOND_MESSAGE_BYTES);
      const remoteEphemeral = message.subarray(0, KEY_BYTES);
      symmetric.mixHash(remoteEphemeral);
      symmetric.mixKey(sharedSecret(ephemeral, remoteEphemeral));
      symmetric.mixKey(sharedSecret(own, remoteEphemeral));
      const payload = symmetric.decryptAndHash(message.subarray(KEY_BYTES));
      const [sending, receiving] = symmetric.split();
      const handshakeHash = symmetric.handshakeHash();
      return { payload, session: { sending, receiving, remoteKey: options.remoteKey, handshakeHash } };
    },
  };
}

/** The controller's side. `write` follows a `read` that did not throw. */
export function createResponder(options: HandshakeOptions): Responder {
  const own = rawPair(options.identity);
  const symmetric = startTranscript(options.prologue ?? PROLOGUE, own.publicKey);
  let remote: { readonly ephemeral: Uint8Array; readonly identity: Uint8Array } | null = null;
  return {
    read(message) {
      requireLength(message, FIRST_MESSAGE_BYTES);
      const ephemeral = message.subarray(0, KEY_BYTES);
      symmetric.mixHash(ephemeral);
      symmetric.mixKey(sharedSecret(own, ephemeral));
      const identity = symmetric.decryptAndHash(message.subarray(KEY_BYTES, 2 * KEY_BYTES + TAG_BYTES));
      symmetric.mixKey(sharedSecret(own, identity));
      const payload = symmetric.decryptAndHash(message.subarray(2 * KEY_BYTES + TAG_BYTES));
      remote = { ephemeral, identity };
      return { payload, remoteKey: formatKey(identity) };
    },
    write(payload = NO_PAYLOAD) {
      if (remote === null) throw new RelayError('bug', 'the handshake answer was asked for before its first message');
      const ephemeral = rawPair(options.ephemeral ?? generateKeyPair());
      symmetric.mixHash(ephemeral.publicKey);
      symmetric.mixKey(sharedSecret(ephemeral, remote.ephemeral));
      symmetric.mixKey(sharedSecret(ephemeral, remote.identity));
      const message = Buffer.concat([ephemeral.publicKey, symmetric.encryptAndHash(payload)]);
      const [receiving, sending] = symmetric.split();
      const handshakeHash = symmetric.handshakeHash();
      return { message, session: { sending, receiving, remoteKey: formatKey(remote.identity), handshakeHash } };
    },
  };
}
