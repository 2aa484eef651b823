/** Proves the real IP: lets the backends watch, lets the synthetic client connect, compares what both saw. */

import { RelayError } from '@homeward/shared/errors/relay-error';
import { type AddressPair, FAMILIES, type Family, type IpAddress } from '@homeward/shared/net/address';
import { PROBE } from '@homeward/shared/net/allocation';
import type { Forward } from '@homeward/shared/net/forward-spec';
import type { PortSpec } from '@homeward/shared/net/port-spec';
import { echoEntryPort } from '../desired/relay-state.js';
import { missingAddress } from '../forwards/entrance.js';
import type { Pairing } from '../store/state.js';
import { type Measured, measure, type ProbeTarget, planned } from './measure.js';
import { type Portion, ROUND_SIZE, roundsOf } from './rounds.js';
import { type Entrances, echoSamples, type Sample, samplesOf } from './samples.js';
import { explained, type Judged, type SecondLookDeps } from './second-look.js';
import { judge, type ProbeResult, type Sighting } from './verdict.js';
import { withoutEntrance } from './without-probe.js';

/** TCP and UDP in both families, probed with each portion of a backend's forwards. */
const MOST_ECHOES = 4;

export interface ProberDeps extends SecondLookDeps {
  /** The address clients dial; null for a family without one. */
  uplinkAddress(family: Family): IpAddress | null;
  /** All that clients can dial. */
  ownAddresses(): readonly IpAddress[];
  /** The relay's own addresses in a pairing's tunnel. */
  relayTunnelAddresses(pairing: Pairing): AddressPair;
  /** Ports that `all` leaves to the relay. */
  kept(): readonly PortSpec[];
  /** Our own state that is missing at the relay, as plan lines. */
  relayDrift(): readonly string[];
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
  const own = deps.ownAddresses();
  const samples = ({ pairing }: ProbeTarget, forward: Forward) =>
    missingAddress(forward, own) === null ? samplesOf(forward, entrancesOf(deps, pairing), kept) : [];
  const work = targets.map((target) => ({
    target,
    items: target.forwards.flatMap((forward) => samples(target, forward)),
  }));
  const judged: Judged[] = [];
  for (const round of roundsOf(work, ROUND_SIZE, MOST_ECHOES)) judged.push(...(await probeRound(deps, round, signal)));
  const results = await explained(deps, onceEach(judged), signal);
  const unreachable = targets.flatMap((target) =>
    target.forwards
      .filter((forward) => samples(target, forward).length === 0)
      .map((forward) => withoutEntrance(target.pairing, forward, own)),
  );
  return [...results, ...unreachable];
}

/** An echo that fails in every round is told once. */
function onceEach(judged: readonly Judged[]): Judged[] {
  const key = ({ result: { backend, forward, family, proto, port } }: Judged) =>
    [backend, forward, family, proto, port].join();
  return [...new Map(judged.map((one) => [key(one), one])).values()];
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
): Promise<Judged[]> {
  const withEchoes = round.map(({ target, items }) => ({
    target,
    items: [...items, ...echoesOf(deps, target.pairing)],
  }));
  const measured = await measure(deps.client, planned(withEchoes), false, signal);
  const clientPorts = new Set(measured.flatMap(({ probes }) => probes.map((probe) => probe.job.clientPort)));
  return measured.flatMap((one) => judgeTarget(deps, one, clientPorts));
}

function judgeTarget(
  deps: ProberDeps,
  { target, probes, replies, seen }: Measured,
  clientPorts: ReadonlySet<number>,
): Judged[] {
  const { pairing } = target;
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
  const judged = (sighting: Sighting, echo: ProbeResult | null): Judged => ({
    ...{ target, sample: sighting.sample },
    result: judge(sighting, view, echo),
  });
  const echoes = sightings.filter(isEcho).map((sighting) => judged(sighting, null));
  const forwards = sightings
    .filter((sighting) => !isEcho(sighting))
    .map((sighting) =>
      judged(sighting, echoes.find((echo) => isSameWay(echo.sample, sighting.sample))?.result ?? null),
    );
  // A pairing without forwards is proven by its echo; beside forwards a sound echo says nothing new.
  return forwards.length === 0 ? echoes : [...forwards, ...echoes.filter(({ result }) => !result.ok)];
}

function echoesOf(deps: ProberDeps, pairing: Pairing): Sample[] {
  if (pairing.applied === null) return [];
  const entrances = entrancesOf(deps, pairing);
  const families = FAMILIES.filter((family) => entrances[family] !== null);
  return echoSamples(families, echoEntryPort(pairing), pairing.applied.echoPort);
}

/** An echo proves the way home for a service of the same family and transport. */
function isSameWay(echo: Sample, sample: Sample): boolean {
  return echo.transport === sample.transport && echo.family === sample.family;
}
