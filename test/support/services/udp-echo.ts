/** `udp-echo ADDRESS PORT LOG`: answers every datagram with the sender's address as this service saw it, and logs it. */
import { createSocket } from 'node:dgram';
import { appendFileSync } from 'node:fs';

const [address = '0.0.0.0', port = '5300', log = '/dev/stdout'] = process.argv.slice(2);
const socket = createSocket('udp4');
socket.on('message', (message, { address: from, port: fromPort }) => {
  const seen = `${from}:${fromPort}`;
  appendFileSync(log, `${seen} ${message.toString('utf8').slice(0, 40)}\n`);
  socket.send(seen, fromPort, from);
});
socket.bind(Number(port), address, () => process.stdout.write('ready\n'));
