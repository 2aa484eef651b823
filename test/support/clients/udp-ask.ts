/** `udp-ask HOST PORT [TRIES [BYTES]]`: sends a datagram until the echo answers; prints {localPort, reply, from} as JSON. The kernel forbids fragments of it (ip(7), IP_MTU_DISCOVER) as long as it knows no smaller MTU. */
import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { endpoint } from '../endpoint.js';

const [host = '', port = '', tries = '10', bytes = '0'] = process.argv.slice(2);
const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
const print = (reply: string | null, from: string | null): void => {
  clearInterval(timer);
  process.stdout.write(`${JSON.stringify({ localPort: socket.address().port, reply, from })}\n`);
  socket.close();
};
let left = Number(tries);
const send = (): void => {
  if (left === 0) print(null, null);
  else socket.send(`hello ${left} `.padEnd(Number(bytes), '.'), Number(port), host);
  left -= 1;
};
socket.on('message', (message, from) => {
  const [seen = ''] = message.toString('utf8').split(' ');
  print(seen, endpoint(from.address, from.port));
});
socket.on('error', () => undefined); // an ICMP error is no answer; the next try may get one
const timer = setInterval(send, 300);
socket.bind(0, send);
