/** Proves the real IP: lets the backends watch, lets the synthetic client connect, compares what both saw. */

import { randomInt } from 'node:crypto';
import { RelayError } from '@homeward/shared/errors/relay-error';
import { PROBE_CLIENT_ADDRESS, PROBE_RELAY_ADDRESS } from '@homeward/shared/net/allocation';
import { parseForward } from '@homeward/shared/net/forward-spec';
import type { Ipv4Address } from '@homeward/shared/net/ipv4';
import type { Observed } from '@homeward/shared/protocol/messages';
import type { Watch } from '../daemon/backends.js';
import { echoEntryPort } from '../desired/relay-state.js';
import type { Pairing } from '../store/state.js';
import type { ProbeJob, ProbeReply } from './job.js';
import type { SyntheticClient } from './probe-namespace.js';
import { payloadFor, type Sample, samplesOf } from './samples.js';
import { judge, type ProbeResult, type Sighting } from './verdict.js';

/** TCP sends its SYN again after one second; one repetition is waited for. */
const TCP_TIMEOUT_MS = 2_500;
/** A service that will answer does so in less; one that is silent costs this much. */
const UDP_TIMEOUT_MS = 1_000;

export interface ProbeTarget {
  readonly pairing: Pairing;
  /** Specs to probe; all of the pairing's, or one. */
  readonly specs: readonly string[];
  /** Tells the backend to watch ports, or to say what it saw. */
  observe(action: 'start' | 'stop', watch: Watch, signal: AbortSignal): Promise<Observed>;
}

export interface ProberDeps {
  readonly client: SyntheticClient;
  /** The address clients dial. */
  uplinkAddress(): Ipv4Address;
  relayTunnelAddress(): Ipv4Address;
  /** Our own state that is missing at the relay, as plan lines. */
  relayDrift(): readonly string[];
}

interface PlannedProbe {
  readonly sample: Sample;
  readonly job: ProbeJob;
}

/** Probes the targets in one go; a probe at a time, since the client's address is one. */
export function createProber(deps: ProberDeps): {
  probe(targets: readonly ProbeTarget[], signal: AbortSignal): Promise<ProbeResult[]>;
} {
  let queue: Promise<unknown> = Promise.resolve();
  return {
    probe(targets, signal) {
      const run = queue.then(() => probeOnce(deps, targets, signal));
      queue = run.catch(() => undefined);
      return run;
    },
  };
}

async function probeOnce(
  deps: ProberDeps,
  targets: readonly ProbeTarget[],
  signal: AbortSignal,
): Promise<ProbeResult[]> {
  const uplink = deps.uplinkAddress();
  const clientPorts = freshPorts();
  let id = 0;
  const planned = targets.map((target) => ({
    target,
    probes: [
      ...target.specs.map(parseForward).flatMap((forward) => samplesOf(forward, uplink)),
      ...echoSamples(target.pairing),
    ].map((sample) => ({ sample, job: jobFor(sample, id++, clientPorts()) })),
  }));
  await Promise.all(
    planned.map(({ target, probes }) => watched(target.observe('start', watchOf(probes), signal), signal)),
  );
  const replies = await deps.client.run(
    planned.flatMap(({ probes }) => probes.map((probe) => probe.job)),
    signal,
  );
  const allPorts = new Set(planned.flatMap(({ probes }) => probes.map((probe) => probe.job.clientPort)));
  const results = await Promise.all(
    planned.map(async ({ target, probes }) => {
      const seen = await watched(target.observe('stop', watchOf(probes), signal), signal);
      return judgeTarget(deps, target, probes, replies, seen, allPorts);
    }),
  );
  return results.flat();
}

/** A backend that does not tell what it saw spoils its own proof only. */
async function watched(answer: Promise<Observed>, signal: AbortSignal): Promise<Observed | RelayError> {
  try {
    return await answer;
  } catch (error) {
    if (signal.aborted || !(error instanceof RelayError)) throw error;
    return error;
  }
}

function judgeTarget(
  deps: ProberDeps,
  { pairing }: ProbeTarget,
  probes: readonly PlannedProbe[],
  replies: readonly ProbeReply[],
  seen: Observed | RelayError,
  clientPorts: ReadonlySet<number>,
): ProbeResult[] {
  const view = {
    name: pairing.name,
    device: pairing.applied?.device ?? '',
    relayTunnelAddress: deps.relayTunnelAddress(),
    relayDrift: deps.relayDrift(),
    observed: seen instanceof RelayError ? { flows: [], drift: [], listeners: [] } : seen,
    silence: seen instanceof RelayError ? seen.message : null,
    clientPorts,
  };
  const sightings = probes.map(({ sample, job }): Sighting => {
    const reply = replies.find((candidate) => candidate.id === job.id);
    if (reply === undefined) throw new RelayError('bug', `the synthetic client did not answer job ${job.id}`);
    return { sample, client: { address: PROBE_CLIENT_ADDRESS, port: job.clientPort }, reply };
  });
  const isEcho = (sighting: Sighting) => sighting.sample.forward === null;
  const echoes = sightings.filter(isEcho).map((sighting) => judge(sighting, view, null));
  const forwards = sightings
    .filter((sighting) => !isEcho(sighting))
    .map((sighting) => judge(sighting, view, echoes.find((echo) => echo.proto === sighting.sample.transport) ?? null));
  // A pairing without forwards is proven by its echo; beside forwards a sound echo says nothing new.
  return forwards.length === 0 ? echoes : [...forwards, ...echoes.filter((echo) => !echo.ok)];
}

/** Our own echo at the backend, on the wildcard address, entered by a door only the probe has. */
function echoSamples(pairing: Pairing): Sample[] {
  const echoPort = pairing.applied?.echoPort;
  if (echoPort === undefined) return [];
  return (['tcp', 'udp'] as const).map((transport) => ({
    forward: null,
    transport,
    address: PROBE_RELAY_ADDRESS,
    publicPort: echoEntryPort(pairing),
    targetPort: echoPort,
    isBehindBackend: false,
  }));
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

function watchOf(probes: readonly PlannedProbe[]): Watch {
  return {
    ports: probes.map(({ sample }) => ({ transport: sample.transport, port: sample.targetPort })),
    clientPorts: probes.map(({ job }) => job.clientPort),
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
