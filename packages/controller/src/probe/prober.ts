/** Proves the real IP: lets the backends watch, lets the synthetic client connect, compares what both saw. */

import { randomInt } from 'node:crypto';
import { RelayError } from '@homeward/shared/errors/relay-error';
import { type AddressPair, FAMILIES, type Family, type IpAddress } from '@homeward/shared/net/address';
import { PROBE } from '@homeward/shared/net/allocation';
import type { Forward } from '@homeward/shared/net/forward-spec';
import type { PortSpec } from '@homeward/shared/net/port-spec';
import type { Observed } from '@homeward/shared/protocol/messages';
import type { Watch } from '../daemon/observations.js';
import { echoEntryPort } from '../desired/relay-state.js';
import type { Pairing } from '../store/state.js';
import type { ProbeJob, ProbeReply } from './job.js';
import type { SyntheticClient } from './probe-namespace.js';
import { type Portion, ROUND_SIZE, roundsOf } from './rounds.js';
import { type Entrances, echoSamples, payloadFor, type Sample, samplesOf } from './samples.js';
import { judge, type ProbeResult, type Sighting } from './verdict.js';
import { withoutEntrance } from './without-probe.js';

/** TCP sends its SYN again after one second; one repetition is waited for. */
const TCP_TIMEOUT_MS = 2_500;
/** A service that will answer does so in less; one that is silent costs this much. */
const UDP_TIMEOUT_MS = 1_000;

/** TCP and UDP in both families, probed with each portion of a backend's forwards. */
const MOST_ECHOES = 4;

export interface ProbeTarget {
  readonly pairing: Pairing;
  /** To probe: all of the pairing's, or one. */
  readonly forwards: readonly Forward[];
  /** Tells the backend to watch ports, or to say what it saw. */
  observe(action: 'start' | 'stop', watch: Watch, signal: AbortSignal): Promise<Observed>;
}

export interface ProberDeps {
  readonly client: SyntheticClient;
  /** The address clients dial; null for a family without one. */
  uplinkAddress(family: Family): IpAddress | null;
  /** The relay's own addresses in a pairing's tunnel. */
  relayTunnelAddresses(pairing: Pairing): AddressPair;
  /** Ports that `all` leaves to the relay. */
  kept(): readonly PortSpec[];
  /** Our own state that is missing at the relay, as plan lines. */
  relayDrift(): readonly string[];
}

interface PlannedProbe {
  readonly sample: Sample;
  readonly job: ProbeJob;
}

/** Probes the targets in one go; a round of probes at a time, since the client's address is one. */
export function createProber(deps: ProberDeps): {
  probe(targets: readonly ProbeTarget[], signal: AbortSignal): Promise<ProbeResult[]>;
} {
  let queue: Promise<unknown> = Promise.resolve();
  return {
    probe(targets, signal) {
      const run = queue.then(() => probeAll(deps, targets, signal));
      queue = run.catch(() => undefined);
      return run;
    },
  };
}

async function probeAll(
  deps: ProberDeps,
  targets: readonly ProbeTarget[],
  signal: AbortSignal,
): Promise<ProbeResult[]> {
  const kept = deps.kept();
  const work = targets.map((target) => {
    const entrances = entrancesOf(deps, target.pairing);
    return { target, items: target.forwards.flatMap((forward) => samplesOf(forward, entrances, kept)) };
  });
  const results: ProbeResult[] = [];
  for (const round of roundsOf(work, ROUND_SIZE, MOST_ECHOES)) results.push(...(await probeRound(deps, round, signal)));
  const unreachable = targets.flatMap(({ pairing, forwards }) =>
    forwards
      .filter((forward) => samplesOf(forward, entrancesOf(deps, pairing), kept).length === 0)
      .map((forward) => withoutEntrance(pairing, forward)),
  );
  return [...onceEach(results), ...unreachable];
}

/** An echo that fails in every round is told once. */
function onceEach(results: readonly ProbeResult[]): ProbeResult[] {
  const key = ({ backend, forward, family, proto, port }: ProbeResult) =>
    [backend, forward, family, proto, port].join();
  return [...new Map(results.map((result) => [key(result), result])).values()];
}

/** IPv6 clients are sent to backends that speak IPv6 only. */
function entrancesOf(deps: ProberDeps, pairing: Pairing): Entrances {
  return {
    ipv4: deps.uplinkAddress('ipv4'),
    ipv6: pairing.applied?.ipv6 === true ? deps.uplinkAddress('ipv6') : null,
  };
}

async function probeRound(
  deps: ProberDeps,
  round: readonly Portion<ProbeTarget, Sample>[],
  signal: AbortSignal,
): Promise<ProbeResult[]> {
  const clientPorts = freshPorts();
  let id = 0;
  const planned = round.map(({ target, items }) => ({
    target,
    probes: [...items, ...echoesOf(deps, target.pairing)].map((sample) => ({
      sample,
      job: jobFor(sample, id++, clientPorts()),
    })),
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
    relayTunnelAddresses: deps.relayTunnelAddresses(pairing),
    relayDrift: deps.relayDrift(),
    observed: seen instanceof RelayError ? { flows: [], drift: [], listeners: [] } : seen,
    silence: seen instanceof RelayError ? seen.message : null,
    clientPorts,
  };
  const sightings = probes.map(({ sample, job }): Sighting => {
    const reply = replies.find((candidate) => candidate.id === job.id);
    if (reply === undefined) throw new RelayError('bug', `the synthetic client did not answer job ${job.id}`);
    return { sample, client: { address: PROBE[sample.family].client, port: job.clientPort }, reply };
  });
  const isEcho = (sighting: Sighting) => sighting.sample.forward === null;
  const echoes = sightings.filter(isEcho).map((sighting) => judge(sighting, view, null));
  const forwards = sightings
    .filter((sighting) => !isEcho(sighting))
    .map((sighting) => judge(sighting, view, echoes.find((echo) => isSameWay(echo, sighting.sample)) ?? null));
  // A pairing without forwards is proven by its echo; beside forwards a sound echo says nothing new.
  return forwards.length === 0 ? echoes : [...forwards, ...echoes.filter((echo) => !echo.ok)];
}

function echoesOf(deps: ProberDeps, pairing: Pairing): Sample[] {
  if (pairing.applied === null) return [];
  const entrances = entrancesOf(deps, pairing);
  const families = FAMILIES.filter((family) => entrances[family] !== null);
  return echoSamples(families, echoEntryPort(pairing), pairing.applied.echoPort);
}

/** An echo proves the way home for a service of the same family and transport. */
function isSameWay(echo: ProbeResult, sample: Sample): boolean {
  return echo.proto === sample.transport && echo.family === sample.family;
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
    ports: probes.map(({ sample }) => ({ transport: sample.transport, port: sample.arrivalPort })),
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
