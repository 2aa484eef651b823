/** Proving the real IP of backends now, and remembering the outcome. */

import { RelayError } from '@homeward/shared/errors/relay-error';
import { type Forward, parseForward } from '@homeward/shared/net/forward-spec';
import type { ProbeTarget } from '../probe/measure.js';
import type { ProbeResult } from '../probe/verdict.js';
import { unprobedForwards } from '../probe/without-probe.js';
import { pairingNamed, withPairing } from '../store/pairings.js';
import type { Pairing } from '../store/state.js';
import { bringAbout } from './forwards.js';
import type { Relay } from './relay.js';

export interface ProbeOutcome {
  readonly ok: boolean;
  readonly results: readonly ProbeResult[];
}

/** Probes one backend, or all that are paired; `spec` narrows it to one forward. Results of an offline backend are red. */
export async function probeBackends(
  relay: Relay,
  name: string | null,
  spec: string | null,
  signal: AbortSignal,
): Promise<ProbeOutcome> {
  const state = relay.store.state();
  const pairings =
    name === null ? state.pairings.filter((pairing) => pairing.agentKey !== null) : [pairingNamed(state, name)];
  if (pairings.length === 0) {
    throw new RelayError('not-found', 'no backend is paired yet', { hint: 'pair one: controller pair home' });
  }
  const chosen = pairings.map((pairing) => ({ pairing, forwards: chosenForwards(pairing, spec) }));
  if (chosen.every(({ forwards }) => forwards === null)) {
    throw new RelayError('not-found', `no forward ${spec} to probe`, { hint: 'list them: controller status' });
  }
  const targets = chosen.flatMap(({ pairing, forwards }) =>
    forwards === null ? [] : [targetOf(relay, pairing, forwards)],
  );
  const online = targets.filter((target) => isReady(relay, target.pairing));
  const offline = targets.filter((target) => !online.includes(target));
  // What came or went since the last look is mended first; what stays makes every proof red.
  await relay.reconcile();
  await Promise.all(online.map(({ pairing }) => offerAgain(relay, pairing, signal)));
  const measured = online.length === 0 ? [] : await relay.probe(online, signal);
  const results = [...measured, ...offline.flatMap((target) => unprobed(relay, target))];
  if (spec === null) {
    await remember(relay, targets, results).catch((error: unknown) => {
      // What was measured is true, stored or not.
      relay.logger.error({ err: error }, 'the proof could not be remembered');
    });
  }
  return { ok: results.length > 0 && results.every((result) => result.ok), results };
}

/** A backend that could not take its newest offer gets it once more: the reason may be gone. If not, the probes tell. */
async function offerAgain(relay: Relay, pairing: Pairing, signal: AbortSignal): Promise<void> {
  if (pairing.applied?.revision === pairing.revision) return;
  await bringAbout(relay, pairing.name, signal).catch((error: unknown) => {
    if (signal.aborted || !(error instanceof RelayError)) throw error;
    relay.logger.warn({ backend: pairing.name, reason: error.message }, 'the backend has not taken its newest offer');
  });
}

/** Null when the spec is none of the pairing's. */
function chosenForwards(pairing: Pairing, spec: string | null): readonly Forward[] | null {
  // A refused forward is not set up: there is nothing to prove, and `status` shows it as failed.
  const refused = new Set(pairing.applied?.refused.map((refusal) => refusal.spec));
  const active = pairing.forwards.filter((forward) => !refused.has(forward.spec));
  if (spec === null) return active;
  const wanted = parseForward(spec).spec;
  const found = active.filter((forward) => forward.spec === wanted);
  return found.length === 0 ? null : found;
}

function targetOf(relay: Relay, pairing: Pairing, forwards: readonly Forward[]): ProbeTarget {
  return {
    pairing,
    forwards,
    observe: (action, watch, signal) => relay.backends.observe(pairing.name, action, watch, signal),
  };
}

function isReady(relay: Relay, pairing: Pairing): boolean {
  return relay.backends.isOnline(pairing.name) && pairing.applied !== null;
}

/** Without a session nobody tells what the backend saw, without its tunnel nothing can arrive: not proven. */
function unprobed(relay: Relay, { pairing, forwards }: ProbeTarget): ProbeResult[] {
  const failure = relay.backends.failure(pairing.name);
  const fault = relay.backends.isOnline(pairing.name)
    ? {
        cause: 'not-applied',
        hint: `backend "${pairing.name}" has not set up its side${failure === null ? ' yet' : `: ${failure}`}`,
      }
    : {
        cause: 'offline',
        hint: `backend "${pairing.name}" is not connected, so nobody can tell what it sees; look there: agent status`,
      };
  return unprobedForwards(pairing, forwards, fault);
}

async function remember(relay: Relay, targets: readonly ProbeTarget[], results: readonly ProbeResult[]): Promise<void> {
  const at = relay.now().toISOString();
  await relay.store.update((state) => {
    const proven = targets.reduce((next, { pairing }) => {
      const current = next.pairings.find((candidate) => candidate.name === pairing.name);
      if (current === undefined) return next;
      const own = results.filter((result) => result.backend === pairing.name);
      return withPairing(next, { ...current, proof: { ok: own.length > 0 && own.every((result) => result.ok), at } });
    }, state);
    return { state: proven, result: null };
  });
}
