/** A client like any other: asks the relay, and tells its own address beside the answer. Usage: client.mjs URL */
import { get } from 'node:http';
import { text } from 'node:stream/consumers';

const url = process.argv[2];
const request = get(url, { agent: false, timeout: 10_000 }, async (response) => {
  const { localAddress, localPort } = response.socket;
  const answer = await text(response);
  process.stdout.write(`I am ${localAddress}:${localPort}, asked ${url}, and it answered: ${answer}`);
});
request.once('timeout', () => request.destroy(new Error('no answer within 10 s')));
request.once('error', (error) => {
  process.stderr.write(`asked ${url}: ${error.message}\n`);
  process.exitCode = 1;
});
