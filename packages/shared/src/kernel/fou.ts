/** UDP ports at which the kernel takes GRE out of UDP (ip-fou(8), net/ipv4/fou_core.c). */

import { existsSync } from 'node:fs';
import { z } from 'zod';
import { type Command, command } from '../host/command.js';
import type { Runner } from '../host/runner.js';

/** GRE's protocol number (RFC 2784). */
const GRE = 47;

const listing = z.array(z.object({ port: z.int(), ipproto: z.union([z.int(), z.string()]).optional() }));

/** None where the module is not loaded: asking would load it. */
export async function listFouPorts(runner: Runner): Promise<readonly number[]> {
  if (!existsSync('/sys/module/fou')) return [];
  return parseFouPorts(await runner.run(command('ip', ['-j', 'fou', 'show'])));
}

/** Parses `ip -j fou show`. */
export function parseFouPorts(json: string): number[] {
  if (json.trim() === '') return [];
  return listing.parse(JSON.parse(json)).map(({ port }) => port);
}

export function fouAdd(port: number): Command {
  return command('ip', ['fou', 'add', 'port', String(port), 'ipproto', String(GRE)]);
}

export function fouDelete(port: number): Command {
  return command('ip', ['fou', 'del', 'port', String(port)]);
}
