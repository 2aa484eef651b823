/** Recognises one agent key on two machines: the sessions of a key swap back and forth between two boot ids. */

import type { Limits } from './limits.js';

/** `found` once, then `held` until the hold is over. */
export type CloneVerdict = 'fine' | 'found' | 'held';

export interface CloneWatch {
  /** To be told of every confirmed session. */
  observe(agentKey: string, bootId: string): CloneVerdict;
}

interface Change {
  readonly bootId: string;
  readonly atMs: number;
}

export function createCloneWatch(deps: { limits: Limits; now: () => number }): CloneWatch {
  const { limits, now } = deps;
  /** The last changes of boot id of each key: a first one, then swaps. Grows with the pairings, not with strangers. */
  const changes = new Map<string, Change[]>();
  const heldUntilMs = new Map<string, number>();

  return {
    observe(agentKey, bootId) {
      const atMs = now();
      if (atMs < (heldUntilMs.get(agentKey) ?? Number.NEGATIVE_INFINITY)) return 'held';
      const known = changes.get(agentKey) ?? [];
      if (known.at(-1)?.bootId === bootId) return 'fine';
      const recent = [...known, { bootId, atMs }].slice(-1 - limits.cloneSwaps);
      changes.set(agentKey, recent);
      const swaps = recent.slice(1);
      const inWindow = swaps.length === limits.cloneSwaps && atMs - (swaps[0]?.atMs ?? atMs) <= limits.cloneWindowMs;
      if (!inWindow || new Set(recent.map((change) => change.bootId)).size !== 2) return 'fine';
      changes.delete(agentKey);
      heldUntilMs.set(agentKey, atMs + limits.cloneHoldMs);
      return 'found';
    },
  };
}
