/** The compiled scripts that run inside the lab: services at the backend and clients that talk to them. */
import { fileURLToPath } from 'node:url';
import type { LabNode } from './lab-node.js';

const compiled = (path: string): string => fileURLToPath(new URL(`./${path}.js`, import.meta.url));

/** The command that runs one of the scripts under `services/` or `clients/`. */
export const script = (path: string, ...args: readonly string[]): string[] => [
  process.execPath,
  compiled(path),
  ...args,
];

export interface UdpAnswer {
  readonly localPort: number;
  /** What the echo saw, as address:port. */
  readonly reply: string | null;
  /** Where the answer came from. */
  readonly from: string | null;
}

export interface TcpAnswers {
  readonly localPorts: number[];
  readonly replies: string[];
  readonly errors: string[];
}

export interface SamePortAnswers {
  readonly localPort: number;
  readonly tcp: { readonly host: string; readonly reply: string }[];
  /** Where each answer came from, and what that echo saw. */
  readonly udp: { readonly from: string; readonly seen: string }[];
}

export interface Transfer {
  readonly bytes: number;
  readonly sha256: string;
  readonly expected: string;
  readonly seconds: number;
}

export const udpAsk = (node: LabNode, host: string, port: number, tries = 10, bytes = 0): Promise<UdpAnswer> =>
  node.json(script('clients/udp-ask', host, String(port), String(tries), String(bytes)));

export interface Mirrored {
  readonly localPort: number;
  /** Where the answer came from; null for none. */
  readonly from: string | null;
  /** SHA-256 of what was sent, and of what came back. */
  readonly sha256: string;
  readonly returned: string | null;
}

/** A datagram of random bytes to a mirror, and back. */
export const mirrorLarge = (node: LabNode, host: string, port: number, bytes: number): Promise<Mirrored> =>
  node.json(script('clients/udp-large', host, String(port), String(bytes)));

export const dnsAsk = (
  node: LabNode,
  host: string,
  port: number,
  name: string,
): Promise<{ localPort: number; addresses: string[] }> =>
  node.json(script('clients/dns-ask', host, String(port), name));

export const tcpGet = (node: LabNode, host: string, port: number, count = 1): Promise<TcpAnswers> =>
  node.json(script('clients/tcp-get', host, String(port), String(count)));

/** Talks to all hosts at once from one local port. */
export const samePort = (
  node: LabNode,
  tcpPort: number,
  udpPort: number,
  hosts: readonly string[],
): Promise<SamePortAnswers> => node.json(script('clients/same-port', String(tcpPort), String(udpPort), ...hosts));

export const transfer = (node: LabNode, direction: 'get' | 'put', url: string, bytes: number): Promise<Transfer> =>
  node.json(script('clients/transfer', direction, url, String(bytes)));
