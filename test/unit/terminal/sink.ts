/** Collects what is written to it, as a terminal or as a file. */

import { Writable } from 'node:stream';

export interface Sink extends Writable {
  isTTY?: boolean;
  /** Everything written so far. */
  text(): string;
}

export function sink(isTTY = false): Sink {
  const parts: string[] = [];
  const stream = new Writable({
    write(chunk, _encoding, done) {
      parts.push(String(chunk));
      done();
    },
  });
  return Object.assign(stream, { isTTY, text: () => parts.join('') });
}
