/** Which machines of its own networks this one has found: `ip neighbour` (ip-neighbour(8), arp(7)). */

import { z } from 'zod';
import { command } from '../host/command.js';
import type { Runner } from '../host/runner.js';
import { readListing } from './listing.js';

export interface Neighbour {
  readonly address: string;
  readonly link: string;
  /** `unclear` where the kernel is asking, or has not asked for a while. */
  readonly state: 'there' | 'absent' | 'unclear';
}

const neighboursSchema = z.array(
  z.object({ dst: z.string(), dev: z.string(), state: z.array(z.string()).default([]) }),
);

const THERE = ['REACHABLE', 'PERMANENT', 'NOARP'];

/** Those of both families. */
export async function listNeighbours(runner: Runner): Promise<Neighbour[]> {
  return parseNeighbours(await runner.run(command('ip', ['-j', 'neighbour', 'show'])));
}

/** An empty list prints nothing at all. */
export function parseNeighbours(text: string): Neighbour[] {
  if (text.trim() === '') return [];
  return readListing('ip', () => neighboursSchema.parse(JSON.parse(text))).map(({ dst, dev, state }) => ({
    address: dst,
    link: dev,
    state: stateOf(state),
  }));
}

function stateOf(words: readonly string[]): Neighbour['state'] {
  if (words.includes('FAILED')) return 'absent';
  return words.some((word) => THERE.includes(word)) ? 'there' : 'unclear';
}
