/** A Noise CipherState: ChaCha20-Poly1305 under one key with a counting nonce (noiseprotocol.org revision 34, 5.1). */

import { createCipheriv, createDecipheriv } from 'node:crypto';
import { RelayError } from '../errors/relay-error.js';

/** Poly1305 tag behind every ciphertext. */
export const TAG_BYTES = 16;

const ALGORITHM = 'chacha20-poly1305';
const NO_DATA = new Uint8Array(0);

export interface CipherState {
  /** Ciphertext and tag under the next nonce; `ad` is authenticated only. */
  encrypt(plaintext: Uint8Array, ad?: Uint8Array): Uint8Array;
  /** Throws `protocol` for anything but exactly the peer's next message: forged, replayed, skipped or cut. */
  decrypt(ciphertext: Uint8Array, ad?: Uint8Array): Uint8Array;
}

/** `key` has 32 bytes; the nonce starts at 0. */
export function createCipherState(key: Uint8Array): CipherState {
  let counter = 0;

  function nextNonce(): Uint8Array {
    // 2^53 messages is centuries at any rate; past it a JavaScript number would repeat a nonce.
    if (counter >= Number.MAX_SAFE_INTEGER) throw new RelayError('protocol', 'the session is used up');
    const nonce = Buffer.alloc(12);
    nonce.writeBigUInt64LE(BigInt(counter), 4);
    counter += 1;
    return nonce;
  }

  return {
    encrypt(plaintext, ad = NO_DATA) {
      const cipher = createCipheriv(ALGORITHM, key, nextNonce(), { authTagLength: TAG_BYTES });
      cipher.setAAD(ad, { plaintextLength: plaintext.length });
      return Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
    },
    decrypt(ciphertext, ad = NO_DATA) {
      if (ciphertext.length < TAG_BYTES) throw new RelayError('protocol', 'the peer sent a message that is too short');
      const body = ciphertext.subarray(0, -TAG_BYTES);
      const decipher = createDecipheriv(ALGORITHM, key, nextNonce(), { authTagLength: TAG_BYTES });
      decipher.setAAD(ad, { plaintextLength: body.length });
      decipher.setAuthTag(ciphertext.subarray(-TAG_BYTES));
      try {
        return Buffer.concat([decipher.update(body), decipher.final()]);
      } catch (error) {
        throw new RelayError('protocol', 'the peer sent a message that does not decrypt', { cause: error });
      }
    },
  };
}
