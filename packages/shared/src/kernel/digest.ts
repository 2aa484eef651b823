/** Digests that tell whether two texts are the same. */

import nacl from 'tweetnacl';

/** First 16 bytes of SHA-512 as hexadecimal text. */
export function digest(text: string): string {
  return [...nacl.hash(new TextEncoder().encode(text)).subarray(0, 16)]
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join('');
}
