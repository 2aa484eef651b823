/** Asks the kernel which way it would go to destinations, and from which source address: `ip route get` (ip-route(8)). */

import { z } from 'zod';
import { command } from '../host/command.js';
import type { Runner } from '../host/runner.js';
import { type IpAddress, isIp } from '../net/address.js';
import { readListing } from './listing.js';

/** How ip ends when one of the destinations had no route. */
const SOME_FAILED = [1];

const answerSchema = z.array(
  z.object({
    dst: z.string(),
    dev: z.string().optional(),
    prefsrc: z.string().optional(),
    gateway: z.string().optional(),
    /** A next hop of the other family (RFC 5549). */
    via: z.object({ host: z.string() }).optional(),
  }),
);

/** By which link, and from which address of this machine. */
export interface Way {
  readonly link: string;
  readonly source: IpAddress;
  /** The next hop; null where the destination is on the link itself. */
  readonly router: IpAddress | null;
}

/**
 * Way by destination; one that no route leads to is left out. Where the destination is this machine itself (the
 * middle of a small network may be), its source is also what the network's other hosts are answered from.
 */
export async function askWays(
  runner: Runner,
  destinations: readonly IpAddress[],
): Promise<ReadonlyMap<IpAddress, Way>> {
  if (destinations.length === 0) return new Map();
  const lines = destinations.map((destination) => `route get ${destination}`);
  // -force: one that no route leads to is an answer as well, and must not end the batch.
  const asking = command('ip', ['-j', '-force', '-batch', '-'], `${lines.join('\n')}\n`);
  return parseRouteAnswers(await runner.run({ ...asking, answers: SOME_FAILED }));
}

/** A batch prints one array a line for each destination that has a route. */
export function parseRouteAnswers(text: string): ReadonlyMap<IpAddress, Way> {
  const answers = text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .flatMap((line) => readListing('ip', () => answerSchema.parse(JSON.parse(line))));
  return new Map(
    answers.flatMap(({ dst, dev, prefsrc, gateway, via }) => {
      if (dev === undefined || prefsrc === undefined || !isIp(dst) || !isIp(prefsrc)) return [];
      const router = gateway ?? via?.host ?? '';
      return [[dst, { link: dev, source: prefsrc, router: isIp(router) ? router : null }] as const];
    }),
  );
}
