/** One round of probes: the backends watch, the synthetic client connects, the backends say what they saw. */

import { randomInt } from 'node:crypto';
import { RelayError } from '@homeward/shared/errors/relay-error';
import type { Forward } from '@homeward/shared/net/forward-spec';
import { payloadFor } from '@homeward/shared/net/probe-payload';
import type { Observed } from '@homeward/shared/protocol/messages';
import type { Watch } from '../daemon/observations.js';
import type { Pairing } from '../store/state.js';
import type { ProbeJob, ProbeReply } from './job.js';
import type { SyntheticClient } from './probe-namespace.js';
import type { Portion } from './rounds.js';
import type { Sample } from './samples.js';

/** TCP sends its SYN again after one second; one repetition is waited for. */
const TCP_TIMEOUT_MS = 2_500;
/** A service that will answer does so in less; one that is silent costs this much. */
const UDP_TIMEOUT_MS = 1_000;

export interface ProbeTarget {
  readonly pairing: Pairing;
  /** To probe: all of the pairing's, or one. */
  readonly forwards: readonly Forward[];
  /** Tells the backend to watch ports, or to say what it saw. */
  observe(action: 'start' | 'stop', watch: Watch, signal: AbortSignal): Promise<Observed>;
}

export interface PlannedProbe {
  readonly sample: Sample;
  readonly job: ProbeJob;
}

export interface PlannedTarget {
  readonly target: ProbeTarget;
  readonly probes: readonly PlannedProbe[];
}

export interface Measured extends PlannedTarget {
  /** To all probes of the round. */
  readonly replies: readonly ProbeReply[];
  /** What the backend saw, or why it did not tell. */
  readonly seen: Observed | RelayError;
}

/** Gives every sample its number and a client port of its own. */
export function planned(round: readonly Portion<ProbeTarget, Sample>[]): PlannedTarget[] {
  const clientPorts = freshPorts();
  let id = 0;
  return round.map(({ target, items }) => ({
    target,
    probes: items.map((sample) => ({ sample, job: jobFor(sample, id++, clientPorts()) })),
  }));
}

/** `explain` asks the backends as well what became of the probes. */
export async function measure(
  client: SyntheticClient,
  round: readonly PlannedTarget[],
  explain: boolean,
  signal: AbortSignal,
): Promise<Measured[]> {
  await Promise.all(
    round.map(({ target, probes }) => told(target.observe('start', watchOf(probes, explain), signal), signal)),
  );
  const replies = await client.run(
    round.flatMap(({ probes }) => probes.map((probe) => probe.job)),
    signal,
  );
  return Promise.all(
    round.map(async ({ target, probes }) => {
      const seen = await told(target.observe('stop', watchOf(probes, explain), signal), signal);
      return { target, probes, replies, seen };
    }),
  );
}

/** A backend that does not tell what it saw spoils its own proof only. */
async function told(answer: Promise<Observed>, signal: AbortSignal): Promise<Observed | RelayError> {
  try {
    return await answer;
  } catch (error) {
    if (signal.aborted || !(error instanceof RelayError)) throw error;
    return error;
  }
}

function jobFor(sample: Sample, id: number, clientPort: number): ProbeJob {
  return {
    id,
    transport: sample.transport,
    address: sample.address,
    port: sample.publicPort,
    clientPort,
    payload: payloadFor(sample.targetPort).toString('base64'),
    timeoutMs: sample.transport === 'tcp' ? TCP_TIMEOUT_MS : UDP_TIMEOUT_MS,
  };
}

function watchOf(probes: readonly PlannedProbe[], explain: boolean): Watch {
  return {
    ports: probes.map(({ sample }) => ({ transport: sample.transport, port: sample.arrivalPort })),
    clientPorts: probes.map(({ job }) => job.clientPort),
    explain,
  };
}

/** Random ports, none twice in a run: a port used again at once could meet its old connection in somebody's conntrack. */
function freshPorts(): () => number {
  const used = new Set<number>();
  return () => {
    for (;;) {
      const port = randomInt(20_000, 60_000);
      if (used.has(port)) continue;
      used.add(port);
      return port;
    }
  };
}
