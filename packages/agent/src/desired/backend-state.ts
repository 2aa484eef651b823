/** Everything that should be in a backend's kernel for its relays, as one value. Pure. */

import type { Firewalls } from '@homeward/shared/kernel/firewalls';
import { type ForwardingFacts, forwardingSysctls } from '@homeward/shared/kernel/forwarding';
import type { Snapshot } from '@homeward/shared/kernel/snapshot';
import type { Listener } from '@homeward/shared/kernel/sockets';
import { uplinkNames } from '@homeward/shared/kernel/uplink';
import { type AddressPair, FAMILIES, type Family, type IpAddress } from '@homeward/shared/net/address';
import { type Forward, isWhole } from '@homeward/shared/net/forward-spec';
import { intervalText } from '@homeward/shared/net/intervals';
import type { LinkName } from '@homeward/shared/net/names';
import { joinRanges, type Port, type PortRange } from '@homeward/shared/net/port';
import { TRANSPORTS } from '@homeward/shared/net/transport';
import { type ItemMemory, NO_MEMORY } from '@homeward/shared/reconcile/plan-memory';
import { hostState } from '@homeward/shared/state/host-state';
import type { HostState, NftElement, PolicyRule, Resource } from '@homeward/shared/state/resources';
import { backendAllowances } from './allowances.js';
import { type DeliveredForward, deliveredForwards } from './arrivals.js';
import { backendElement, COMMON_SETS, rangeElements, SETS } from './backend-sets.js';
import { backendTable } from './backend-table.js';
import { impossibleSources } from './impossible-sources.js';
import { fallbackRule, landingRule, returnRoute } from './return-route.js';
import { rulePlaces } from './rule-places.js';
import { sourceAddresses, sourceQuestions } from './source-addresses.js';
import type { SharedLink } from './tunnel-end.js';

/** One relay as the kernel needs it: an accepted offer in its slot. */
export interface RelayTunnel {
  readonly slot: number;
  readonly link: LinkName;
  /** Of the families that the tunnel carries. */
  readonly tunnelAddresses: Partial<AddressPair>;
  /** Null for a link of our own. */
  readonly shared: SharedLink | null;
  /** Device and keys of the tunnel's kind. */
  readonly resources: readonly Resource[];
  /** Allowed by the policy. */
  readonly forwards: readonly Forward[];
}

export interface BackendFacts extends Firewalls {
  readonly snapshot: Snapshot;
  readonly listeners: readonly Listener[];
  /** Those this machine speaks. */
  readonly families: readonly Family[];
  /** The kernel's choice of a source address, by destination asked for. */
  readonly sources: ReadonlyMap<IpAddress, IpAddress>;
  readonly echoPort: Port;
  readonly forwarding: ForwardingFacts;
  isOurLink(name: string): boolean;
}

/** No relay, no state: nothing of ours stays in the kernel. `memory` saves planning what did not change of many forwards. */
export function backendState(
  relays: readonly RelayTunnel[],
  facts: BackendFacts,
  memory: ItemMemory<Forward, DeliveredForward> = NO_MEMORY,
): HostState {
  if (relays.length === 0) return hostState([]);
  const delivered = relays.flatMap((relay) =>
    deliveredForwards(relay, facts.families, facts.listeners, memory.remember),
  );
  const places = rulePlaces(
    facts.snapshot.rules,
    relays.map(({ slot }) => slot),
  );
  const forwarding = new Set(delivered.flatMap((one) => one.forwarding));
  const guarded = (family: Family) =>
    forwarding.has(family) || facts.forwarding.switched.includes(family) ? facts.forwarding.guarded[family] : [];
  const answers = facts.families.flatMap((family) => answering(family, relays, delivered, facts));
  const elements = [
    ...relays.flatMap((relay) => slotElements(relay, facts)),
    ...FAMILIES.flatMap((family) => impossibleElements(family, relays, facts)),
    ...rangeElements(delivered.flatMap(({ ranges }) => ranges)),
    ...answers.flatMap(({ pins }) => pins),
  ];
  return hostState([
    ...relays.flatMap((relay) => [...relay.resources, ...returnRoute(relay, facts.families, places)]),
    ...facts.families.map((family) => landingRule(family, places[family])),
    ...backendAllowances(relays, forwarding, uplinkNames(facts.snapshot, facts.isOurLink), facts),
    backendTable(relays, { ipv4: guarded('ipv4'), ipv6: guarded('ipv6') }),
    // Once on it stays on until `down`, and so does its guard.
    ...facts.families
      .filter((family) => forwarding.has(family))
      .flatMap((family) => forwardingSysctls(family, facts.forwarding)),
    ...answers.flatMap(({ rules }) => rules),
    ...memory.gather([...delivered.map((one) => one.elements), elements]),
  ]);
}

function impossibleElements(
  family: Family,
  relays: readonly RelayTunnel[],
  { snapshot, isOurLink, families }: BackendFacts,
): NftElement[] {
  const own = families.includes(family) ? relays.flatMap(({ tunnelAddresses }) => tunnelAddresses[family] ?? []) : [];
  return impossibleSources(snapshot, family, isOurLink, own).map((interval) =>
    backendElement(SETS[family].impossibleSources, intervalText(interval)),
  );
}

/** The echo listens on the wildcard address on purpose: it shows that such services are answered from the right one. */
function slotElements({ link, tunnelAddresses }: RelayTunnel, { families, echoPort }: BackendFacts): NftElement[] {
  return [
    backendElement(COMMON_SETS.tunnels, link),
    ...families.flatMap((family) => {
      const { tunnelAddresses: own, echo, pinned } = SETS[family];
      const address = tunnelAddresses[family];
      if (address === undefined) return [];
      return [
        backendElement(own, `${link} . ${address}`),
        ...TRANSPORTS.map((transport) => backendElement(echo, `${address} . ${transport} . ${echoPort}`)),
        backendElement(pinned.single, `${address} . ${echoPort}`),
      ];
    }),
  ];
}

/** How services on the wildcard address answer: from the address the kernel chooses, or where it knows none from the first tunnel's. */
function answering(
  family: Family,
  relays: readonly RelayTunnel[],
  delivered: readonly DeliveredForward[],
  facts: BackendFacts,
): { readonly pins: readonly NftElement[]; readonly rules: readonly PolicyRule[] }[] {
  const first = relays.find(({ tunnelAddresses }) => tunnelAddresses[family] !== undefined);
  const fallback = first?.tunnelAddresses[family];
  if (first === undefined || fallback === undefined) return [];
  const questions = sourceQuestions(facts.snapshot, family, facts.isOurLink);
  const { intervals, lacksRoute } = sourceAddresses(questions, facts.sources, fallback);
  const pins = intervals.map((interval) =>
    backendElement(SETS[family].sourcePin, intervalText(interval), interval.value),
  );
  if (!lacksRoute) return [{ pins, rules: [] }];
  const ports = answeringPorts(family, delivered, facts.echoPort);
  return [{ pins, rules: ports.map((range) => fallbackRule(family, range, first.slot)) }];
}

function answeringPorts(family: Family, delivered: readonly DeliveredForward[], echoPort: Port): PortRange[] {
  const chosen = delivered
    .flatMap(({ deliveries }) => deliveries)
    .filter(({ arrival, delivery }) => arrival.family === family && delivery.answersFromChosenAddress)
    // Of everything only services that are there: else all that this machine itself sends by UDP would go into the tunnel.
    .filter(({ arrival }) => !isWhole(arrival.forward) || arrival.sockets.length > 0);
  return joinRanges([...chosen.map(({ arrival }) => arrival.ports), { first: echoPort, last: echoPort }]);
}
