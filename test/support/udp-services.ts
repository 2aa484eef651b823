/** UDP services that answer otherwise than an echo does: from a socket for each client, or with what they were sent, whatever its size. */
import { writeFileSync } from 'node:fs';
import type { LabNode } from './lab-node.js';
import { script } from './scripts.js';
import { linesOf, type Service } from './services.js';

/** A service of `services/`, bound to an address or a wildcard, with the words of each line it logged after the client. */
const startLogging = async (
  node: LabNode,
  name: 'udp-connected' | 'udp-mirror',
  port: number,
  address: string,
): Promise<Service & { logged(): string[][] }> => {
  const log = `/run/${name}-${port}.log`;
  writeFileSync(node.file(log), '');
  const process = node.spawn(script(`services/${name}`, address, String(port), log));
  await process.prints(/ready/);
  const logged = () => linesOf(node.file(log)).map((line) => line.split(' '));
  return { process, logged, seen: () => logged().map(([client = '']) => client) };
};

export interface ConnectedUdp extends Service {
  /** The clients of datagrams that came to the socket connected to them. */
  seenConnected(): string[];
}

/** A server that connect()s a socket to each client. */
export const startConnectedUdp = async (node: LabNode, port: number, address: string): Promise<ConnectedUdp> => {
  const { process, seen, logged } = await startLogging(node, 'udp-connected', port, address);
  const isConnected = (words: readonly string[]): boolean => words.at(-1) === 'connected';
  return {
    process,
    seen,
    seenConnected: () =>
      logged()
        .filter(isConnected)
        .map(([client = '']) => client),
  };
};

export interface UdpMirror extends Service {
  /** `client sha256` of each datagram it got. */
  got(): string[];
}

/** Sends everything back as it came. */
export const startUdpMirror = async (node: LabNode, port: number, address = '::'): Promise<UdpMirror> => {
  const { process, seen, logged } = await startLogging(node, 'udp-mirror', port, address);
  return { process, seen, got: () => logged().map((words) => words.join(' ')) };
};
