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

/** A service on a raw socket of the wildcard address, which answers each packet with its sender's address. */
export const startRawService = async (node: LabNode, protocol: number, isV6: boolean): Promise<Running> => {
  const process = node.spawn([
    'socat',
    '-t',
    String(patience),
    `${family(isV6)}-RECVFROM:${protocol},fork`,
    // What was asked goes nowhere: socat would give up when it cannot write to a program that does not read.
    'EXEC:/usr/bin/printenv SOCAT_PEERADDR!!OPEN:/dev/null,wronly',
  ]);
  await poll(`the raw socket of ${process.command}`, 5_000, async () =>
    (await node.must(['ss', '-Hnlw', isV6 ? '-6' : '-4'])).includes(`:${protocol} `) ? true : undefined,
  );
  return process;
};

/** Sends one packet and gives what came back, as soon as `isAnswer` is content with it; the kernel may hand over others before. */
const rawAsk = async (
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

/** Pings the host, and waits for its reply (RFC 792, RFC 4443; the kernel fills in ICMPv6's checksum). */
export const ping = async (node: LabNode, host: string): Promise<void> => {
  const rest = Buffer.from([0x01, 0x01, 0x3f, 0x43, 0x40, 0x44]);
  const isV6 = isIPv6(host);
  const [protocol, request, reply] = isV6 ? [58, [128, 0, 0, 0], 129] : [1, [8, 0, 0x77, 0x77], 0];
  await rawAsk(node, host, protocol, Buffer.concat([Buffer.from(request), rest]), (received) => {
    const at = received.indexOf(rest);
    return at >= 4 && received[at - 4] === reply;
  });
};

/** Takes down at `node` who is delivered echo requests. */
export const watchPings = async (node: LabNode): Promise<() => Promise<string>> => {
  await node.must(['nft', '-f', '-'], {
    input: `table inet pings {
  set seen4 { type ipv4_addr; size 64; flags dynamic; }
  set seen6 { type ipv6_addr; size 64; flags dynamic; }
  chain input {
    type filter hook input priority 310;
    icmp type echo-request update @seen4 { ip saddr }
    icmpv6 type echo-request update @seen6 { ip6 saddr }
  }
}
`,
  });
  return () => node.must(['nft', 'list', 'table', 'inet', 'pings']);
};

/**
 * An ICMP message that says that a datagram's time to live was over (RFC 792), which it quotes: UDP over IPv4 without payload.
 */
export const timeExceeded = (from: string, fromPort: number, to: string, toPort: number): Buffer => {
  const octets = (host: string): number[] => host.split('.').map(Number);
  const word = (value: number): number[] => [value >> 8, value & 0xff];
  const udp = [...word(fromPort), ...word(toPort), 0, 8, 0, 0];
  const quoted = [0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, ...octets(from), ...octets(to), ...udp];
  const message = Buffer.from([11, 0, 0, 0, 0, 0, 0, 0, ...quoted]);
  message.writeUInt16BE(checksum(message), 2);
  return message;
};

/** RFC 1071. */
const checksum = (bytes: Buffer): number => {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += bytes.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return 0xffff - sum;
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
