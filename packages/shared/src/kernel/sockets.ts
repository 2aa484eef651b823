/** Listening sockets, from `ss -Hlntup` (ss(8)): what occupies a port, and how a service is bound. */

import { command } from '../host/command.js';
import type { Runner } from '../host/runner.js';
import type { Transport } from '../net/transport.js';

export interface Listener {
  readonly transport: Transport;
  /** IPv4 or IPv6 address; `*` for a wildcard of one or both families. */
  readonly address: string;
  readonly family: 'ipv4' | 'ipv6' | 'both';
  readonly port: number;
  /** The link the socket is bound to (SO_BINDTODEVICE), or null. */
  readonly link: string | null;
  /** Name of the first program that has it, or `unknown` for one of the kernel or of another namespace. */
  readonly program: string;
  /** Names of all programs that have it: a socket that systemd opened is held by both. */
  readonly programs: readonly string[];
}

/** All listening TCP and bound UDP sockets of this network namespace. */
export async function listListeners(runner: Runner): Promise<Listener[]> {
  return parseListeners(await runner.run(command('ss', ['-H', '-l', '-n', '-t', '-u', '-p'])));
}

/** Whether a bound address is reached from its own machine only. */
export function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1';
}

/** ss has no JSON; these columns have been the same since iproute2 4: protocol, state, queues, local, peer, users. */
export function parseListeners(text: string): Listener[] {
  return text.split('\n').flatMap((line) => {
    const [transport, , , , local = '', , ...rest] = line.trim().split(/\s+/);
    // Names of programs may hold spaces.
    const users = rest.join(' ');
    if (transport !== 'tcp' && transport !== 'udp') return [];
    const match = /^(.*?)(?:%([^:\]]+))?\]?(?:%([^:]+))?:(\d{1,5})$/.exec(local.replace(/^\[/, ''));
    if (match === null) return [];
    const programs = [...users.matchAll(/\("([^"]*)"/g)].map((user) => user[1] ?? 'unknown');
    const [, address = '', linkInside, linkBehind, port] = match;
    return [
      {
        transport,
        ...bound(address.replace(/\]$/, '')),
        port: Number(port),
        link: linkInside ?? linkBehind ?? null,
        program: programs[0] ?? 'unknown',
        programs,
      },
    ];
  });
}

function bound(address: string): Pick<Listener, 'address' | 'family'> {
  if (address === '*') return { address: '*', family: 'both' };
  if (address === '0.0.0.0') return { address: '*', family: 'ipv4' };
  if (address === '::') return { address: '*', family: 'ipv6' };
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(address)?.[1];
  if (mapped !== undefined) return { address: mapped === '0.0.0.0' ? '*' : mapped, family: 'ipv4' };
  return { address, family: address.includes(':') ? 'ipv6' : 'ipv4' };
}
