/** Packets of IP protocols without ports, by socat: a service that answers with whom it saw, and clients. */
import { readFileSync, writeFileSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import { bracketed } from './endpoint.js';
import type { LabNode } from './lab-node.js';
import { poll } from './poll.js';
import type { Running } from './running.js';

/** How long socat waits for the other direction when one has ended, in seconds: its half second is too short for a busy machine. */
const patience = 30;

const family = (isV6: boolean): string => (isV6 ? 'IP6' : 'IP4');

/** A service on a raw socket of the wildcard address, which answers each packet with its sender's address, or as a program does. */
export const startRawService = async (
  node: LabNode,
  protocol: number,
  isV6: boolean,
  answer: readonly string[] = ['/usr/bin/printenv', 'SOCAT_PEERADDR'],
): Promise<Running> => {
  const process = node.spawn([
    'socat',
    '-t',
    String(patience),
    `${family(isV6)}-RECVFROM:${protocol},fork`,
    // What was asked goes nowhere: socat would give up when it cannot write to a program that does not read.
    `EXEC:${answer.join(' ')}!!OPEN:/dev/null,wronly`,
  ]);
  await poll(`the raw socket of ${process.command}`, 5_000, async () =>
    (await node.must(['ss', '-Hnlw', isV6 ? '-6' : '-4'])).includes(`:${protocol} `) ? true : undefined,
  );
  return process;
};

/** Sends one packet and gives what came back, as soon as `isAnswer` is content with it; the kernel may hand over others before. */
export const rawAsk = async (
  node: LabNode,
  host: string,
  protocol: number,
  packet: Buffer,
  isAnswer: (received: Buffer) => boolean,
): Promise<Buffer> => {
  const [request, reply] = ['request', 'reply'].map((name) => `/run/raw-${name}`) as [string, string];
  writeFileSync(node.file(request), packet);
  writeFileSync(node.file(reply), '');
  const to = `${family(isIPv6(host))}-SENDTO:${bracketed(host)}:${protocol}`;
  const client = node.spawn(['socat', '-t', String(patience), `${request}!!OPEN:${reply},wronly`, to]);
  try {
    return await poll(`an answer of protocol ${protocol} from ${host}`, 10_000, () => {
      const received = readFileSync(node.file(reply));
      return isAnswer(received) ? received : undefined;
    });
  } finally {
    await client.kill();
  }
};

/** Asks a service of `startRawService`, and gives the address that it saw, as it writes it. */
export const rawWhoami = async (node: LabNode, host: string, protocol: number): Promise<string> => {
  const answer = await rawAsk(node, host, protocol, Buffer.from('who am I?'), ({ length }) => length > 0);
  return answer.toString().trim().replace(/[[\]]/g, '');
};

/** Sends one packet, and waits for nothing. */
export const sendRaw = async (
  node: LabNode,
  from: string,
  host: string,
  protocol: number,
  packet: Buffer,
): Promise<void> => {
  const file = '/run/raw-packet';
  writeFileSync(node.file(file), packet);
  await node.must([
    ...['socat', '-u', `OPEN:${file},rdonly`],
    `${family(isIPv6(host))}-SENDTO:${bracketed(host)}:${protocol},bind=${bracketed(from)}`,
  ]);
};
