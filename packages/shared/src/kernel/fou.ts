/** UDP ports at which the kernel takes GRE out of UDP (ip-fou(8), net/ipv4/fou_core.c). */

import { existsSync } from 'node:fs';
import { z } from 'zod';
import { type Command, command } from '../host/command.js';
import type { Runner } from '../host/runner.js';
import { readListing } from './listing.js';

/** GRE's protocol number (RFC 2784). */
const GRE = 47;

/** Older versions of ip do not tell the family. */
const listing = z.array(z.object({ port: z.int(), family: z.string().optional() }));

/** None where the module is not loaded: asking would load it. */
export async function listFouPorts(runner: Runner): Promise<readonly number[]> {
  if (!existsSync('/sys/module/fou')) return [];
  return parseFouPorts(await runner.run(command('ip', ['-j', 'fou', 'show'])));
}

/** Parses `ip -j fou show`; IPv6's ports are others than ours. */
export function parseFouPorts(json: string): number[] {
  if (json.trim() === '') return [];
  const ports = readListing('ip', () => listing.parse(JSON.parse(json))).filter(({ family }) => family !== 'inet6');
  return ports.map(({ port }) => port);
}

export function fouAdd(port: number): Command {
  return command('ip', ['fou', 'add', 'port', String(port), 'ipproto', String(GRE)]);
}

export function fouDelete(port: number): Command {
  return command('ip', ['fou', 'del', 'port', String(port)]);
}
