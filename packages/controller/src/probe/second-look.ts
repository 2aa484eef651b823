/**
 * A second look at what is in doubt: the same probes once more, traced through the rules of both machines, while the backend
 * visits hosts behind it. Its outcome proves nothing: it explains what was red, and disproves what only the echo stood for.
 */

import { RelayError } from '@homeward/shared/errors/relay-error';
import type { TraceProbes } from '@homeward/shared/kernel/probe-trace';
import type { Drop } from '@homeward/shared/kernel/trace-parse';
import type { Observed, Visit } from '@homeward/shared/protocol/messages';
import type { Logger } from 'pino';
import { firstSite, withSite } from './drop-text.js';
import { withVisit } from './lan-host.js';
import { type Measured, measure, type ProbeTarget, planned } from './measure.js';
import type { SyntheticClient } from './probe-namespace.js';
import type { Portion } from './rounds.js';
import type { Sample } from './samples.js';
import type { DropSite, ProbeResult } from './verdict.js';

/** What a firewall can have done. */
const BY_A_FIREWALL: ReadonlySet<string | null> = new Set(['not-arrived', 'dropped', 'no-reply', 'reply-lost']);

/** Where one firewall drops thousands of forwards, the first ones tell. */
const MOST_TRACED = 32;

export interface SecondLookDeps {
  readonly client: SyntheticClient;
  /** At the relay. */
  readonly traceProbes: TraceProbes;
  readonly logger: Logger;
}

/** A result with what was probed. */
export interface Judged {
  readonly target: ProbeTarget;
  readonly sample: Sample;
  readonly result: ProbeResult;
}

/** The results in the same order, each with the rule or the host behind the backend that explains it, and red. */
export async function explained(
  deps: SecondLookDeps,
  judged: readonly Judged[],
  signal: AbortSignal,
): Promise<ProbeResult[]> {
  const red = judged.filter(({ result }) => !result.ok && BY_A_FIREWALL.has(result.cause));
  const inDoubt = [...red, ...judged.filter(isUnheard)].slice(0, MOST_TRACED);
  if (inDoubt.length === 0) return judged.map(({ result }) => result);
  const round = planned(portionsOf(inDoubt));
  const clientPorts = round.flatMap(({ probes }) => probes.map(({ job }) => job.clientPort));
  const trace = await deps.traceProbes(clientPorts).catch((error: unknown) => {
    if (!(error instanceof RelayError)) throw error;
    deps.logger.warn({ err: error }, 'cannot trace what is in doubt');
    return { end: async (): Promise<Drop[]> => [] };
  });
  let measured: Measured[];
  let atRelay: Drop[] = [];
  try {
    measured = await measure(deps.client, round, true, signal);
  } finally {
    atRelay = await trace.end();
  }
  const explanations = new Map(
    measured.flatMap(({ probes, seen }) => {
      const told: Partial<Observed> = seen instanceof RelayError ? {} : seen;
      return probes.map(({ sample, job }) => {
        const site = firstSite({ relay: atRelay, backend: told.drops ?? [] }, job.clientPort);
        return [sample, (result: ProbeResult) => explain(result, sample, site, told.visits ?? [])] as const;
      });
    }),
  );
  return judged.map(({ sample, result }) => explanations.get(sample)?.(result) ?? result);
}

/** A rule that drops explains more than a host that does not answer. */
function explain(result: ProbeResult, sample: Sample, site: DropSite | null, visits: readonly Visit[]): ProbeResult {
  // Of one for which the echo stood an answer that was dropped says otherwise, and nothing else does.
  if (result.ok) return site?.direction === 'reply' ? withSite(result, site, sample) : result;
  if (site !== null) return withSite(result, site, sample);
  const { lan, transport, arrivalPort } = sample;
  if (lan === null) return result;
  const isOfSample = (visit: Visit) =>
    visit.transport === transport && visit.port === arrivalPort && visit.host === lan.host;
  const found = visits.find(isOfSample);
  return found === undefined ? result : withVisit(result, found, { ...sample, lan });
}

/** A UDP service that said nothing, for which the echo stands: whether it did answer, and the answer stayed here, only a trace can tell. */
function isUnheard({ result }: Judged): boolean {
  return result.ok && result.proto === 'udp' && result.service === 'silent';
}

function portionsOf(judged: readonly Judged[]): Portion<ProbeTarget, Sample>[] {
  const targets = [...new Set(judged.map(({ target }) => target))];
  return targets.map((target) => ({
    target,
    items: judged.filter((one) => one.target === target).map(({ sample }) => sample),
  }));
}
