/** `dns-ask HOST PORT NAME`: one A query over UDP, repeated until answered; prints {localPort, addresses} as JSON. */
import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';

const [host = '', port = '53', name = ''] = process.argv.slice(2);
const labels = name.split('.').map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)]));
const id = randomInt(65_536);
const header = Buffer.from([id >> 8, id & 255, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
const query = Buffer.concat([header, ...labels, Buffer.from([0, 0, 1, 0, 1])]);

/** The answers of the static server use a compressed name: 2 + 2 type + 2 class + 4 ttl + 2 length, then the address. */
const addressesIn = (reply: Buffer): string[] => {
  const answers = reply.subarray(query.length);
  const count = reply.readUInt16BE(6);
  return Array.from({ length: count }, (_, index) => [...answers.subarray(index * 16 + 12, index * 16 + 16)].join('.'));
};

const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
let left = 10;
const finish = (addresses: string[]): void => {
  clearInterval(timer);
  process.stdout.write(`${JSON.stringify({ localPort: socket.address().port, addresses })}\n`);
  socket.close();
};
const send = (): void => {
  if (left === 0) finish([]);
  else socket.send(query, Number(port), host);
  left -= 1;
};
socket.on('message', (reply) => finish(addressesIn(reply)));
socket.on('error', () => undefined);
const timer = setInterval(send, 300);
socket.bind(0, send);
