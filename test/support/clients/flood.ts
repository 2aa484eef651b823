/**
 * `flood HOST PORT KEY SOCKETS ADDRESS…`: a scanner that keeps so many connections to a controller open at once, from each
 * of its addresses in turn and in every bad manner it knows; what is cut is opened again at once. KEY is the controller's
 * public key in hex: its handshakes are right, as far as somebody without a pairing can make them. SIGTERM ends it and
 * prints `{"opened": …, "cut": …, "most": …}`.
 */
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { generateKeyPair } from '@homeward/shared/session/keys';
import { createInitiator } from '@homeward/shared/session/noise';

const [host = '', port = '', key = '', sockets = '', ...addresses] = process.argv.slice(2);
const remoteKey = Buffer.from(key, 'hex').toString('base64');

const upgrade = [
  'GET / HTTP/1.1',
  'Host: relay',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Protocol: homeward.v1',
  `Sec-WebSocket-Key: ${Buffer.alloc(16).toString('base64')}`,
  '\r\n',
].join('\r\n');

/** A client's websocket frame (RFC 6455, 5.2) that announces `length` bytes; masked with zeros, so as it stands. */
const frame = (firstByte: number, length: number, body: Uint8Array): Buffer => {
  const head = Buffer.alloc(length < 126 ? 2 : length < 65_536 ? 4 : 10);
  head[0] = firstByte;
  head[1] = 0x80 | (length < 126 ? length : length < 65_536 ? 126 : 127);
  if (length >= 65_536) head.writeBigUInt64BE(BigInt(length), 2);
  else if (length >= 126) head.writeUInt16BE(length, 2);
  return Buffer.concat([head, Buffer.alloc(4), body]);
};

const BINARY = 0x82;
const BINARY_GOES_ON = 0x02;
const CONTINUED = 0x00;
const PING = 0x89;

const openings = Array.from({ length: 20 }, () =>
  frame(BINARY, 96, createInitiator({ identity: generateKeyPair(), remoteKey }).write()),
);
const fragments = Buffer.concat([
  frame(BINARY_GOES_ON, 1, Buffer.alloc(1)),
  ...Array.from({ length: 2000 }, () => frame(CONTINUED, 1, Buffer.alloc(1))),
]);
const pings = Buffer.concat(Array.from({ length: 200 }, () => frame(PING, 100, Buffer.alloc(100))));

/** What is sent at once; most of it is never finished. */
const manners: readonly ((turn: number) => readonly (string | Uint8Array)[])[] = [
  () => [],
  () => ['GET / HTTP/1.1\r\nHost: relay\r\nX-Slow: '],
  () => [`GET / HTTP/1.1\r\nX: ${'x'.repeat(3000)}`],
  () => ['POST / HTTP/1.1\r\nHost: relay\r\nContent-Length: 10000000\r\n\r\n', Buffer.alloc(60_000)],
  () => [upgrade],
  (turn) => [upgrade, openings[turn % openings.length] ?? ''],
  (turn) => [upgrade, openings[turn % openings.length] ?? '', frame(BINARY, 4000, Buffer.alloc(3000))],
  () => [upgrade, frame(BINARY, 96, randomBytes(96))],
  () => [upgrade, frame(BINARY, 65_535, Buffer.alloc(60_000))],
  () => [upgrade, frame(BINARY, 4000, Buffer.alloc(3999))],
  () => [upgrade, frame(BINARY, 100 * 1024 * 1024, Buffer.alloc(1000))],
  () => [upgrade, fragments],
  () => [upgrade, pings],
];

let opened = 0;
let cut = 0;
let open = 0;
let most = 0;
let isEnding = false;
const all = new Set<Socket>();

const start = (): void => {
  if (isEnding) return;
  const turn = opened;
  opened += 1;
  const localAddress = addresses[turn % addresses.length] ?? '';
  const socket = connect({ host, port: Number(port), localAddress });
  all.add(socket);
  socket.on('connect', () => {
    open += 1;
    most = Math.max(most, open);
    for (const piece of manners[turn % manners.length]?.(turn) ?? []) socket.write(piece);
    socket.once('close', () => {
      open -= 1;
    });
  });
  socket.on('error', () => undefined); // being cut is what a scanner is used to
  socket.on('close', () => {
    all.delete(socket);
    cut += 1;
    setImmediate(start);
  });
  socket.resume();
};

for (let index = 0; index < Number(sockets); index += 1) start();
process.stdout.write('ready\n');
process.once('SIGTERM', () => {
  isEnding = true;
  process.stdout.write(`${JSON.stringify({ opened, cut, most })}\n`, () => process.exit(0));
});
