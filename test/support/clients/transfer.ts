/** `transfer get|put URL BYTES`: moves BYTES reproducible bytes; prints {bytes, sha256, expected, seconds} as JSON. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { noise } from '../noise.js';

const [direction = 'get', url = '', size = '0'] = process.argv.slice(2);
const bytes = Number(size);
const begin = Date.now();

const expectedHash = createHash('sha256');
for (const chunk of noise(bytes)) expectedHash.update(chunk);
const expected = expectedHash.digest('hex');

const receive = async (message: IncomingMessage): Promise<{ bytes: number; sha256: string; text: string }> => {
  const hash = createHash('sha256');
  let received = 0;
  let text = '';
  for await (const chunk of message as AsyncIterable<Buffer>) {
    received += chunk.length;
    hash.update(chunk);
    if (received < 1000) text += chunk.toString('utf8');
  }
  return { bytes: received, sha256: hash.digest('hex'), text };
};

const outgoing = request(direction === 'get' ? `${url}/${bytes}` : url, {
  method: direction === 'get' ? 'GET' : 'PUT',
  timeout: 60_000,
});
const answered = once(outgoing, 'response') as Promise<[IncomingMessage]>;
if (direction === 'get') outgoing.end();
else await pipeline(Readable.from(noise(bytes)), outgoing);
const [response] = await answered;
const received = await receive(response);
const result = direction === 'get' ? { bytes: received.bytes, sha256: received.sha256 } : JSON.parse(received.text);
process.stdout.write(`${JSON.stringify({ ...result, expected, seconds: (Date.now() - begin) / 1000 })}\n`);
