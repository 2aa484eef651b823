/**
 * `udp-stream HOST PORT INTERVAL_MS`: sends a numbered datagram at each interval from one socket to a UDP echo, prints `> NUMBER` for
 * each and `< NUMBER SEEN FROM` for each answer; SIGTERM ends the sending, and the last answers end the program.
 */
import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { endpoint } from '../endpoint.js';

/** How long a last answer may be under way. */
const patienceMs = 1_000;

const [host = '', port = '', intervalMs = ''] = process.argv.slice(2);
const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
const unanswered = new Set<number>();
let sent = 0;
let isEnding = false;

const send = (): void => {
  sent += 1;
  unanswered.add(sent);
  process.stdout.write(`> ${sent}\n`);
  socket.send(`#${sent}`, Number(port), host);
};

const end = (): void => {
  socket.close();
  process.exitCode = 0;
};

socket.on('message', (message, from) => {
  const [seen = '', number = ''] = message.toString('utf8').split(' #');
  process.stdout.write(`< ${number} ${seen} ${endpoint(from.address, from.port)}\n`);
  unanswered.delete(Number(number));
  if (isEnding && unanswered.size === 0) end();
});
socket.on('error', () => undefined); // an ICMP error is no answer; the stream goes on
socket.bind(0, () => {
  process.stdout.write(`port ${socket.address().port}\n`);
  const timer = setInterval(send, Number(intervalMs));
  process.once('SIGTERM', () => {
    clearInterval(timer);
    isEnding = true;
    if (unanswered.size === 0) end();
    else setTimeout(() => process.exit(0), patienceMs).unref();
  });
});
