/**
 * `blob PORT`: an HTTP service that sends N pseudo-random bytes for `GET /N` and, for any `PUT`, reads the whole body
 * and answers with its length and SHA-256.
 */
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { noise } from '../noise.js';

const server = createServer(async (request, response) => {
  try {
    if (request.method === 'PUT') {
      const hash = createHash('sha256');
      let bytes = 0;
      for await (const chunk of request as AsyncIterable<Buffer>) {
        bytes += chunk.length;
        hash.update(chunk);
      }
      response.end(JSON.stringify({ bytes, sha256: hash.digest('hex') }));
      return;
    }
    const bytes = Number(request.url?.slice(1));
    response.setHeader('content-length', bytes);
    await pipeline(noise(bytes), response);
  } catch (error) {
    process.stderr.write(`${error}\n`);
    response.destroy();
  }
});
server.listen(Number(process.argv[2]), '::', () => process.stdout.write('ready\n'));
