/**
 * `udp-echo ADDRESS PORT LOG [v6only]`: answers every datagram with the sender's address as this service saw it and the
 * datagram's text, and logs both. Bound to `::` it serves both families, unless `v6only` is given. A line `HOST PORT` of its
 * input makes it send a datagram there by itself.
 */
import { createSocket } from 'node:dgram';
import { appendFileSync } from 'node:fs';
import { isIPv4, isIPv6 } from 'node:net';
import { createInterface } from 'node:readline';
import { endpoint } from '../endpoint.js';

const [address = '0.0.0.0', port = '5300', log = '/dev/stdout', only] = process.argv.slice(2);
const socket = createSocket({ type: isIPv6(address) ? 'udp6' : 'udp4', ipv6Only: only === 'v6only' });
socket.on('message', (message, { address: from, port: fromPort }) => {
  const answer = `${endpoint(from, fromPort)} ${message.toString('utf8').slice(0, 40)}`;
  appendFileSync(log, `${answer}\n`);
  socket.send(answer, fromPort, from);
});
createInterface({ input: process.stdin }).on('line', (line) => {
  const [host = '', toPort] = line.split(' ');
  const mapped = isIPv6(address) && isIPv4(host) ? `::ffff:${host}` : host;
  socket.send('by itself', Number(toPort), mapped, (error) => {
    if (error) throw error;
    process.stdout.write(`sent to ${line}\n`);
  });
});
socket.bind(Number(port), address, () => process.stdout.write('ready\n'));
