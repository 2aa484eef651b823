/** Watches for a relay's probes, and tells it what they made here: nothing of other clients, ports or relays. */

import { toRelayError } from '@homeward/shared/errors/relay-error';
import type { ProbeTrace } from '@homeward/shared/kernel/probe-trace';
import { listListeners } from '@homeward/shared/kernel/sockets';
import { slotFouPort, slotNumbers } from '@homeward/shared/net/allocation';
import { arrivalPorts, type Forward } from '@homeward/shared/net/forward-spec';
import { rangeContains } from '@homeward/shared/net/port';
import { type ControllerMessage, type MessageOf, MOST_DROPS, type Observed } from '@homeward/shared/protocol/messages';
import { plainText } from '@homeward/shared/protocol/plain-text';
import { changeText } from '@homeward/shared/reconcile/diff';
import type { Logger } from 'pino';
import { listenersOf } from '../probe/listeners.js';
import { flowKey, probeFlows, sightings, type WatchedPort, watchPorts } from '../probe/observer.js';
import { visit } from '../probe/visit.js';
import { visitTargets } from '../probe/visit-targets.js';
import { pairedRelays, tunnelLink } from '../store/relays.js';
import type { RelayRecord } from '../store/state.js';
import type { Refused } from './offers.js';
import type { RelaySessionDeps } from './relay-session.js';

/** As many lines of drift as are told: the first ones say enough. */
const MOST_DRIFT = 64;

export interface ObservationDeps extends RelaySessionDeps {
  readonly controllerKey: string;
  readonly logger: Logger;
  record(): RelayRecord;
  refused(): Refused;
}

export interface Observation {
  observe(message: MessageOf<ControllerMessage, 'observe'>): Promise<Observed>;
  /** Of plan lines those about this relay's own slot. */
  ownDrift(lines: readonly string[]): string[];
}

export function createObservation(deps: ObservationDeps): Observation {
  const { runner, kernel, store, record, controllerKey } = deps;
  /** Flows from before the probe: of other clients, or of an earlier probe. */
  let seenBefore: ReadonlySet<string> = new Set();
  let trace: ProbeTrace | null = null;

  /** Without our table nothing can be watched; the drift that is sent along says so. */
  function unseeing(error: unknown): null {
    deps.logger.warn({ err: error }, 'cannot watch for the probe');
    return null;
  }

  /** Ends the trace that runs, if any. */
  async function traced(): Promise<Pick<Observed, 'drops'>> {
    const running = trace;
    trace = null;
    if (running === null) return {};
    const drops = (await running.end()).slice(0, MOST_DROPS).map((drop) => ({
      ...drop,
      ...{ table: plainText(drop.table), chain: plainText(drop.chain) },
      rule: drop.rule === null ? null : plainText(drop.rule),
    }));
    return { drops };
  }

  async function start(id: number, watch: readonly WatchedPort[], toTrace: readonly number[]): Promise<Observed> {
    await traced();
    // What came or went since the last look (a service, an address) is no fault that a probe should report.
    await deps.reconcile().catch(unseeing);
    await watchPorts(runner, watch).catch(unseeing);
    trace = toTrace.length === 0 ? null : await deps.traceProbes(toTrace).catch(unseeing);
    seenBefore = new Set(((await sightings(runner).catch(unseeing)) ?? []).map(flowKey));
    return { type: 'observed', id, flows: [], drift: [], listeners: [] };
  }

  async function stop(
    id: number,
    watch: readonly WatchedPort[],
    clientPorts: readonly number[],
    toVisit: boolean,
  ): Promise<Observed> {
    const [flows, changes, listeners, visits] = await Promise.all([
      sightings(runner).catch(unseeing),
      plannedLines(),
      listListeners(runner),
      toVisit ? visited(watch) : {},
    ]);
    const drops = await traced();
    const { accepted } = record();
    const fresh = (flows ?? []).filter((flow) => !seenBefore.has(flowKey(flow)));
    const tunnel = accepted?.offer.tunnel;
    const relayAddresses = [tunnel?.relayAddress, tunnel?.relayAddress6].filter((address) => address != null);
    return {
      type: 'observed',
      id,
      flows: probeFlows(fresh, tunnelLink(record()), relayAddresses, clientPorts),
      drift: ownDrift(changes),
      listeners: listenersOf(watch, listeners),
      ...drops,
      ...visits,
    };
  }

  /** Hosts behind this backend, by the forwards of this relay that its owner allows. */
  async function visited(watch: readonly WatchedPort[]): Promise<Pick<Observed, 'visits'>> {
    const visits = await visit(runner, visitTargets(watch, offeredForwards())).catch(unseeing);
    return visits === null ? {} : { visits };
  }

  /** What cannot be planned (a broken policy file) is told in the place of the plan: the proof is red, and says why. */
  async function plannedLines(): Promise<string[]> {
    try {
      return (await kernel.plan()).map(changeText);
    } catch (error) {
      return [`the backend cannot keep its state: ${toRelayError(error).message}`];
    }
  }

  function offeredForwards(): Forward[] {
    const refused = new Set(deps.refused().map(({ spec }) => spec));
    return deps
      .readForwards(controllerKey, record().accepted?.offer.forwards ?? [])
      .flatMap((one) => ('forward' in one && !refused.has(one.spec) ? [one.forward] : []));
  }

  /** A relay may watch what it forwards, and our echo; nothing else of this backend. */
  function offeredOf(watch: readonly WatchedPort[]): WatchedPort[] {
    const offered = offeredForwards();
    return watch.filter(
      ({ transport, port }) =>
        port === deps.echoPort ||
        offered.some((forward) => forward.transports.includes(transport) && rangeContains(arrivalPorts(forward), port)),
    );
  }

  function ownDrift(lines: readonly string[]): string[] {
    const others = pairedRelays(store.state()).filter((relay) => relay.controllerKey !== controllerKey);
    const names = others.flatMap((relay) => {
      const { link, table, ruleLocal } = slotNumbers(relay.slot);
      // Every rule of a slot names its link or its table but one.
      const routing = [`table ${table}`, `lookup ${table}`, `pref ${ruleLocal}`];
      return [link, tunnelLink(relay), `fou port ${slotFouPort(relay.slot)}`, ...routing];
    });
    const isOthers = (line: string) => names.some((name) => `${line.replaceAll('/', ' ')} `.includes(` ${name} `));
    return lines
      .filter((line) => !isOthers(line))
      .slice(0, MOST_DRIFT)
      .map(plainText);
  }

  return {
    ownDrift,
    observe({ id, action, watch, clientPorts, trace: isTraced, visit: toVisit }) {
      const allowed = offeredOf(watch);
      return action === 'start'
        ? start(id, allowed, isTraced === true ? clientPorts : [])
        : stop(id, allowed, clientPorts, toVisit === true);
    },
  };
}
