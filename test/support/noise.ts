/** A reproducible stream of incompressible bytes: the AES-CTR key stream of an all-zero key. */
import { createCipheriv } from 'node:crypto';

const chunkBytes = 65_536;

/** The same `bytes` bytes every time, so that both ends can hash them without shipping a file. */
export function* noise(bytes: number): Generator<Buffer> {
  const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16));
  const zeros = Buffer.alloc(chunkBytes);
  for (let left = bytes; left > 0; left -= chunkBytes) {
    yield cipher.update(left < chunkBytes ? zeros.subarray(0, left) : zeros);
  }
}
