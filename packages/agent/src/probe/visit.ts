/** Visits services of hosts behind the backend from the backend itself: what tells a host that is not there from one whose answers go another way. */

import { setTimeout as delay } from 'node:timers/promises';
import type { Runner } from '@homeward/shared/host/runner';
import { listNeighbours, type Neighbour } from '@homeward/shared/kernel/neighbours';
import { askWays, type Way } from '@homeward/shared/kernel/route-get';
import type { Visit } from '@homeward/shared/protocol/messages';
import { type Knock, knock } from './knock.js';
import type { VisitTarget } from './visit-targets.js';

const LOOK_AGAIN_MS = 50;

/** What will answer does so in less; then it is asked whether the host is there at all. */
const SILENT_AFTER_MS = 1_500;

/** A neighbour of former days is given 5 s, and asked three times for a second each, before it is known to be gone (arp(7)). */
const LONGEST_MS = 9_000;

interface Visiting {
  readonly target: VisitTarget;
  readonly way: Way;
  readonly knock: Knock;
  outcome: Visit['outcome'] | null;
}

/** All at once; takes up to nine seconds where nobody answers. A target that no route leads to is left out. */
export async function visit(runner: Runner, targets: readonly VisitTarget[]): Promise<Visit[]> {
  if (targets.length === 0) return [];
  const ways = await askWays(runner, [...new Set(targets.map(({ host }) => host))]);
  const visiting = targets.flatMap((target): Visiting[] => {
    const way = ways.get(target.host);
    if (way === undefined) return [];
    return [{ target, way, knock: knock(target.watched.transport, target.host, target.port), outcome: null }];
  });
  try {
    await untilDecided(runner, visiting);
  } finally {
    for (const one of visiting) one.knock.close();
  }
  return visiting.map(({ target: { watched, host }, way: { source, router }, outcome }) => ({
    ...{ transport: watched.transport, port: watched.port, host, source, router },
    outcome: outcome ?? 'silent',
  }));
}

async function untilDecided(runner: Runner, visiting: readonly Visiting[]): Promise<void> {
  const started = performance.now();
  const elapsed = () => performance.now() - started;
  for (;;) {
    for (const one of visiting) one.outcome ??= one.knock.outcome();
    const silent = visiting.filter(({ outcome }) => outcome === null);
    if (silent.length === 0 || elapsed() > LONGEST_MS) return;
    if (elapsed() > SILENT_AFTER_MS) {
      const neighbours = await listNeighbours(runner);
      for (const one of silent) one.outcome = judgeSilence(one, neighbours);
    }
    await delay(LOOK_AGAIN_MS);
  }
}

/** Of a host behind a router nothing more can be known; null as long as the kernel is still asking for the host. */
function judgeSilence({ target, way }: Visiting, neighbours: readonly Neighbour[]): Visit['outcome'] | null {
  const next = way.router ?? target.host;
  const state = neighbours.find(({ address, link }) => address === next && link === way.link)?.state ?? 'unclear';
  if (state === 'unclear') return null;
  return state === 'there' ? 'silent' : 'absent';
}
