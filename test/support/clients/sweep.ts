/**
 * `sweep HOST FROM PORT…`: from that source address TCP connections tried to each PORT of HOST, then a datagram to each UDP port
 * that is read as a JSON array; prints the TCP ports that answered as JSON.
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
await sendAll((await json(process.stdin)) as number[]);
process.stdout.write(JSON.stringify(tries.flat()));
