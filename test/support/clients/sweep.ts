/**
 * `sweep HOST FROM PORT…`: from that source address TCP connections tried to each PORT of HOST; then a SYN to each port of
 * `tcp` and a datagram to each of `udp`, which are read as JSON; prints the ports among PORT… that answered as JSON.
 */
import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';
import { json } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';

const [host = '', from = '', ...ports] = process.argv.slice(2);
/** Many times the round trip in the lab, and a retransmission. */
const patienceMs = 3_000;

const isOpen = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host, port, localAddress: from });
    const end = (open: boolean): void => {
      socket.destroy();
      resolve(open);
    };
    socket.on('connect', () => end(true));
    // A reset is an answer as well: somebody was reached.
    socket.on('error', (error: NodeJS.ErrnoException) => end(error.code === 'ECONNREFUSED'));
    setTimeout(() => end(false), patienceMs);
  });

/** So many sockets at a time, each for as long as its SYN needs to leave. */
const knockAll = async (tcpPorts: readonly number[]): Promise<void> => {
  const atOnce = 256;
  for (let first = 0; first < tcpPorts.length; first += atOnce) {
    const sockets = tcpPorts.slice(first, first + atOnce).map((port) => connect({ host, port, localAddress: from }));
    for (const socket of sockets) socket.on('error', () => undefined); // what answered is what got past: the witness tells
    await pause(10);
    for (const socket of sockets) socket.destroy();
  }
};

const sendAll = async (udpPorts: readonly number[]): Promise<void> => {
  const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
  socket.on('error', () => undefined); // an ICMP error tells what the witness at the backend tells, too
  await new Promise<void>((resolve) => socket.bind({ address: from, port: 0 }, resolve));
  for (const [index, port] of udpPorts.entries()) {
    await new Promise((resolve) => socket.send('sweep', port, host, resolve));
    // A tunnel in user space drops what comes faster than it encrypts.
    if (index % 16 === 0) await pause(1);
  }
  socket.close();
};

const tries = await Promise.all(ports.map(async (port) => ((await isOpen(Number(port))) ? [Number(port)] : [])));
const { tcp, udp } = (await json(process.stdin)) as { tcp: number[]; udp: number[] };
await knockAll(tcp);
await sendAll(udp);
process.stdout.write(JSON.stringify(tries.flat()));
