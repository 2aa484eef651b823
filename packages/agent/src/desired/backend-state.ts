/** Everything that should be in a backend's kernel for its relays, as one value. Pure. */

import { FORWARDING } from '@homeward/shared/kernel/forwarding-guard';
import type { Snapshot } from '@homeward/shared/kernel/snapshot';
import type { Listener } from '@homeward/shared/kernel/sockets';
import { slotNumbers } from '@homeward/shared/net/allocation';
import { type Forward, portMappings } from '@homeward/shared/net/forward-spec';
import { intervalText } from '@homeward/shared/net/intervals';
import type { Ipv4Address } from '@homeward/shared/net/ipv4';
import type { Port } from '@homeward/shared/net/port';
import { hostState } from '@homeward/shared/state/describe';
import type { HostState, NftElement, Resource } from '@homeward/shared/state/resources';
import { SETS } from './backend-sets.js';
import { backendTable } from './backend-table.js';
import { deliver } from './deliveries/deliveries.js';
import { type ArrivingPort, arrivalKey, backendElement, type Delivery } from './deliveries/delivery.js';
import { fallbackRule, landingRule, returnRoute } from './return-route.js';
import { impossibleSources, sourceAddresses } from './source-addresses.js';

/** One relay as the kernel needs it: an accepted offer in its slot. */
export interface RelayTunnel {
  readonly slot: number;
  readonly tunnelAddress: Ipv4Address;
  /** Device and keys of the tunnel's kind. */
  readonly resources: readonly Resource[];
  /** Allowed by the policy. */
  readonly forwards: readonly Forward[];
}

export interface BackendFacts {
  readonly snapshot: Snapshot;
  readonly listeners: readonly Listener[];
  readonly echoPort: Port;
  /** Links between which forwarding was off before us. */
  readonly guardedLinks: readonly string[];
  /** Whether we have switched forwarding on already: it stays on until `down`, and so does its guard. */
  readonly hasSwitchedForwarding: boolean;
  isOurLink(name: string): boolean;
}

/** A forwarded port with the way it is delivered. */
interface DeliveredPort {
  readonly arriving: ArrivingPort;
  readonly delivery: Delivery;
  readonly elements: readonly NftElement[];
}

/** No relay, no state: nothing of ours stays in the kernel. */
export function backendState(relays: readonly RelayTunnel[], facts: BackendFacts): HostState {
  const [first] = relays;
  if (first === undefined) return hostState([]);
  const sources = sourceAddresses(facts.snapshot, facts.isOurLink, first.tunnelAddress);
  const delivered = relays.flatMap((relay) => deliveredPorts(relay, facts.listeners));
  const forwards = delivered.some(({ delivery }) => delivery.needsForwarding);
  return hostState([
    ...relays.flatMap((relay) => [...relay.resources, ...returnRoute(relay.slot, relay.tunnelAddress)]),
    landingRule(),
    backendTable(relays, forwards || facts.hasSwitchedForwarding ? facts.guardedLinks : []),
    ...(forwards ? [{ kind: 'sysctl' as const, path: FORWARDING, value: '1' }] : []),
    ...relays.map((relay) => backendElement(SETS.tunnels, slotNumbers(relay.slot).link)),
    ...impossibleSources(facts.snapshot, facts.isOurLink).map((interval) =>
      backendElement(SETS.impossibleSources, intervalText(interval)),
    ),
    ...sources.intervals.map((interval) => backendElement(SETS.sourcePin, intervalText(interval), interval.value)),
    ...relays.flatMap((relay) => echoElements(relay, facts.echoPort)),
    ...delivered.flatMap(({ arriving, elements }) => [backendElement(SETS.allowed, arrivalKey(arriving)), ...elements]),
    ...(sources.hasDefault ? [] : answeringPorts(delivered, facts).map((port) => fallbackRule(port, first.slot))),
  ]);
}

function deliveredPorts(relay: RelayTunnel, listeners: readonly Listener[]): DeliveredPort[] {
  const { link } = slotNumbers(relay.slot);
  return relay.forwards.flatMap((forward) =>
    portMappings(forward).map((mapping) => {
      const sockets = listeners.filter(
        (socket) =>
          socket.transport === mapping.transport &&
          socket.port === mapping.targetPort &&
          socket.family !== 'ipv6' &&
          socket.link === null,
      );
      const arriving = { forward, mapping, link, tunnelAddress: relay.tunnelAddress, sockets };
      return { arriving, ...deliver(arriving) };
    }),
  );
}

/** The echo listens on the wildcard address on purpose: it shows that such services are answered from the right one. */
function echoElements(relay: RelayTunnel, echoPort: Port): NftElement[] {
  const at = `${slotNumbers(relay.slot).link} . ${relay.tunnelAddress}`;
  return [
    backendElement(SETS.echo, `${at} . tcp . ${echoPort}`),
    backendElement(SETS.echo, `${at} . udp . ${echoPort}`),
    backendElement(SETS.pinned, `${at} . ${echoPort}`),
  ];
}

function answeringPorts(delivered: readonly DeliveredPort[], facts: BackendFacts): Port[] {
  const chosen = delivered.filter(({ delivery }) => delivery.answersFromChosenAddress);
  return [...new Set([...chosen.map(({ arriving }) => arriving.mapping.targetPort), facts.echoPort])];
}
