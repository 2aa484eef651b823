/**
 * `udp-large HOST PORT BYTES`: sends a datagram of that many random bytes to a mirror until it comes back; prints {localPort, from,
 * sha256, returned} as JSON, with the SHA-256 of what was sent and of what came back. A first one may be lost: by it IPv6's
 * sender learns of the way's smaller MTU (RFC 8201).
 */
import { createHash, randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { endpoint } from '../endpoint.js';

const resendMs = 300;
const tries = 20;

const [host = '', port = '', bytes = ''] = process.argv.slice(2);
const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
const datagram = randomBytes(Number(bytes));
const digest = (of: Buffer): string => createHash('sha256').update(of).digest('hex');
const print = (from: string | null, returned: string | null): void => {
  clearInterval(timer);
  const { port: localPort } = socket.address();
  process.stdout.write(`${JSON.stringify({ localPort, from, sha256: digest(datagram), returned })}\n`);
  socket.close();
};
let left = tries;
const send = (): void => {
  if (left === 0) print(null, null);
  else socket.send(datagram, Number(port), host, () => undefined); // one that was too big is sent again
  left -= 1;
};
socket.on('message', (message, from) => print(endpoint(from.address, from.port), digest(message)));
socket.on('error', () => undefined);
const timer = setInterval(send, resendMs);
socket.bind(0, send);
