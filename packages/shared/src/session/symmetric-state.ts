/** A Noise SymmetricState over SHA-512: the running hash and chaining key of a handshake (revision 34, 5.2). */

import { createHmac } from 'node:crypto';
import nacl from 'tweetnacl';
import { type CipherState, createCipherState } from './cipher-state.js';

export interface SymmetricState {
  mixHash(data: Uint8Array): void;
  mixKey(material: Uint8Array): void;
  encryptAndHash(plaintext: Uint8Array): Uint8Array;
  /** Throws `protocol` when the message was not made with the same keys and transcript. */
  decryptAndHash(ciphertext: Uint8Array): Uint8Array;
  /** The cipher of the initiator's messages, then that of the responder's. */
  split(): readonly [CipherState, CipherState];
  /** The transcript's hash, 64 bytes: names the session. */
  handshakeHash(): Uint8Array;
}

/** SHA-512's output. */
const HASH_BYTES = 64;

/** Two outputs of Noise's HKDF (revision 34, 4.3; RFC 5869 with an empty info). */
function deriveTwo(chainingKey: Uint8Array, material: Uint8Array): readonly [Uint8Array, Uint8Array] {
  const hmac = (key: Uint8Array, ...parts: Uint8Array[]): Uint8Array => {
    const mac = createHmac('sha512', key);
    for (const part of parts) mac.update(part);
    return mac.digest();
  };
  const secret = hmac(chainingKey, material);
  const first = hmac(secret, Uint8Array.of(1));
  return [first, hmac(secret, first, Uint8Array.of(2))];
}

/** A key of the cipher is the first half of a SHA-512 output (revision 34, 5.2: "truncates"). */
function cipherOf(output: Uint8Array): CipherState {
  return createCipherState(output.subarray(0, 32));
}

/** Starts from the protocol name, at most 64 ASCII bytes, which is padded and not hashed. */
export function createSymmetricState(protocolName: string): SymmetricState {
  let hash: Uint8Array = new Uint8Array(HASH_BYTES);
  hash.set(Buffer.from(protocolName, 'ascii'));
  let chainingKey = hash;
  let cipher: CipherState | null = null;

  const mixHash = (data: Uint8Array): void => {
    hash = nacl.hash(Buffer.concat([hash, data]));
  };
  return {
    mixHash,
    mixKey(material) {
      const [nextChainingKey, key] = deriveTwo(chainingKey, material);
      chainingKey = nextChainingKey;
      cipher = cipherOf(key);
    },
    encryptAndHash(plaintext) {
      const ciphertext = cipher === null ? plaintext : cipher.encrypt(plaintext, hash);
      mixHash(ciphertext);
      return ciphertext;
    },
    decryptAndHash(ciphertext) {
      const plaintext = cipher === null ? ciphertext : cipher.decrypt(ciphertext, hash);
      mixHash(ciphertext);
      return plaintext;
    },
    split() {
      const [first, second] = deriveTwo(chainingKey, new Uint8Array(0));
      return [cipherOf(first), cipherOf(second)];
    },
    handshakeHash: () => hash,
  };
}
