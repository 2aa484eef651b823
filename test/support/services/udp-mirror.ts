/** `udp-mirror ADDRESS PORT LOG`: sends every datagram back as it came, whatever its size, and logs the sender and the SHA-256 of what came. */
import { createHash } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { appendFileSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import { endpoint } from '../endpoint.js';

const [address = '::', port = '5300', log = '/dev/stdout'] = process.argv.slice(2);
const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
socket.on('message', (message, { address: from, port: fromPort }) => {
  appendFileSync(log, `${endpoint(from, fromPort)} ${createHash('sha256').update(message).digest('hex')}\n`);
  socket.send(message, fromPort, from);
});
socket.bind(Number(port), address, () => process.stdout.write('ready\n'));
