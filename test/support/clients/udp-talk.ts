/** `udp-talk HOST PORT`: sends each line of its input as a datagram from one socket, and prints `port PORT` and, for each datagram that comes, `< FROM TEXT`. */
import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { createInterface } from 'node:readline';
import { endpoint } from '../endpoint.js';

const [host = '', port = ''] = process.argv.slice(2);
const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
socket.on('message', (message, from) => {
  process.stdout.write(`< ${endpoint(from.address, from.port)} ${message.toString('utf8')}\n`);
});
socket.on('error', () => undefined); // an ICMP error is no datagram
socket.bind(0, () => {
  createInterface({ input: process.stdin }).on('line', (line) => socket.send(line, Number(port), host));
  process.stdout.write(`port ${socket.address().port}\n`);
});
