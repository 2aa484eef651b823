/** The dial list inside a token: a count, then every URL with its length in front. */

import { RelayError } from '../errors/relay-error.js';
import { isDialUrl } from '../net/dial-url.js';

/** As many as a `welcome` may name. */
const MAX_URLS = 16;

/** Throws `bad-input` for a list that no agent could dial. */
export function encodeUrls(urls: readonly string[]): Uint8Array {
  if (urls.length === 0 || urls.length > MAX_URLS) {
    throw new RelayError('bad-input', `a token needs 1 to ${MAX_URLS} addresses to dial, not ${urls.length}`);
  }
  const parts = urls.map((url) => {
    if (!isDialUrl(url)) {
      throw new RelayError('bad-input', `${JSON.stringify(url)} cannot be dialled`, {
        hint: 'write ws://HOST:PORT or wss://HOST, at most 300 characters',
      });
    }
    const bytes = Buffer.from(url, 'utf8');
    const length = Buffer.alloc(2);
    length.writeUInt16BE(bytes.length);
    return Buffer.concat([length, bytes]);
  });
  return Buffer.concat([Uint8Array.of(urls.length), ...parts]);
}

/** The list at the start of `bytes` and how long it is; null when the bytes end before the list does. */
export function decodeUrls(bytes: Buffer): { urls: string[]; byteLength: number } | null {
  const count = bytes[0];
  if (count === undefined) return null;
  const urls: string[] = [];
  let offset = 1;
  while (urls.length < count) {
    if (offset + 2 > bytes.length) return null;
    const end = offset + 2 + bytes.readUInt16BE(offset);
    if (end > bytes.length) return null;
    urls.push(bytes.toString('utf8', offset + 2, end));
    offset = end;
  }
  return { urls, byteLength: offset };
}
