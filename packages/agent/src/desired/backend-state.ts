/** Everything that should be in a backend's kernel for its relays, as one value. Pure. */

import type { Snapshot } from '@homeward/shared/kernel/snapshot';
import type { Listener } from '@homeward/shared/kernel/sockets';
import { BACKEND_TABLE, slotNumbers } from '@homeward/shared/net/allocation';
import { type Forward, type PortMapping, portMappings } from '@homeward/shared/net/forward-spec';
import { intervalText } from '@homeward/shared/net/intervals';
import type { Ipv4Address } from '@homeward/shared/net/ipv4';
import type { Port } from '@homeward/shared/net/port';
import type { Secret } from '@homeward/shared/net/secret';
import { hostState } from '@homeward/shared/state/describe';
import type { HostState, NftElement, Resource } from '@homeward/shared/state/resources';
import { backendTable, SETS } from './backend-table.js';
import { type Delivery, deliveryOf } from './delivery.js';
import { fallbackRule, landingRule, returnRoute } from './return-route.js';
import { impossibleSources, sourceAddresses } from './source-addresses.js';

/** One relay as the kernel needs it: an accepted offer in its slot. */
export interface RelayTunnel {
  readonly slot: number;
  readonly tunnelAddress: Ipv4Address;
  readonly mtu: number;
  readonly wireguard: {
    readonly privateKey: Secret;
    readonly publicKey: string;
    readonly relayPublicKey: string;
    readonly presharedKey: Secret;
    readonly endpoint: string;
  };
  /** Allowed by the policy. */
  readonly forwards: readonly Forward[];
}

export interface BackendFacts {
  readonly snapshot: Snapshot;
  readonly listeners: readonly Listener[];
  readonly echoPort: Port;
  isOurLink(name: string): boolean;
}

/** Seconds between keepalives: below the 30 s after which home routers forget a silent UDP flow. */
const KEEPALIVE_SECONDS = 25;

/** No relay, no state: nothing of ours stays in the kernel. */
export function backendState(relays: readonly RelayTunnel[], facts: BackendFacts): HostState {
  const [first] = relays;
  if (first === undefined) return hostState([]);
  const sources = sourceAddresses(facts.snapshot, facts.isOurLink, first.tunnelAddress);
  return hostState([
    ...relays.flatMap(tunnelResources),
    landingRule(),
    backendTable(relays.map((relay) => relay.slot)),
    ...relays.map((relay) => element(SETS.tunnels, slotNumbers(relay.slot).link)),
    ...impossibleSources(facts.snapshot, facts.isOurLink).map((interval) =>
      element(SETS.impossibleSources, intervalText(interval)),
    ),
    ...sources.intervals.map((interval) => element(SETS.sourcePin, intervalText(interval), interval.value)),
    ...relays.flatMap((relay) => forwardElements(relay, facts)),
    ...(sources.hasDefault ? [] : pinnedPorts(relays, facts).map((port) => fallbackRule(port, first.slot))),
  ]);
}

function tunnelResources(relay: RelayTunnel): Resource[] {
  const { link } = slotNumbers(relay.slot);
  const { privateKey, publicKey, relayPublicKey, presharedKey, endpoint } = relay.wireguard;
  return [
    { kind: 'link', name: link, type: 'wireguard', mtu: relay.mtu, up: true },
    {
      kind: 'wireguard-device',
      link,
      privateKey,
      publicKey,
      listenPort: null,
      peers: [
        {
          publicKey: relayPublicKey,
          presharedKey,
          allowedIps: ['0.0.0.0/0', '::/0'],
          endpoint,
          keepaliveSeconds: KEEPALIVE_SECONDS,
        },
      ],
    },
    ...returnRoute(relay.slot, relay.tunnelAddress),
  ];
}

interface PlacedMapping {
  readonly mapping: PortMapping;
  readonly delivery: Delivery;
}

function placed(relay: RelayTunnel, facts: BackendFacts): PlacedMapping[] {
  return relay.forwards.flatMap((forward) =>
    portMappings(forward).map((mapping) => ({
      mapping,
      delivery: deliveryOf(forward, mapping, relay.tunnelAddress, facts.listeners),
    })),
  );
}

function forwardElements(relay: RelayTunnel, facts: BackendFacts): NftElement[] {
  const { link } = slotNumbers(relay.slot);
  const at = `${link} . ${relay.tunnelAddress}`;
  const echo = (['tcp', 'udp'] as const).map((transport) =>
    element(SETS.echo, `${at} . ${transport} . ${facts.echoPort}`),
  );
  return [
    ...echo,
    // The echo listens on the wildcard address on purpose: it shows that such services are answered from the right one.
    element(SETS.pinned, `${at} . ${facts.echoPort}`),
    ...placed(relay, facts).flatMap(({ mapping, delivery }) => {
      const key = `${at} . ${mapping.transport} . ${mapping.targetPort}`;
      return [element(SETS.allowed, key), ...deliveryElements(delivery, at, key, mapping)];
    }),
  ];
}

function deliveryElements(delivery: Delivery, at: string, key: string, mapping: PortMapping): NftElement[] {
  switch (delivery.kind) {
    case 'local':
      return [];
    case 'pinned':
      return [element(SETS.pinned, `${at} . ${mapping.targetPort}`)];
    case 'redirected':
      return [element(SETS.redirected, key, `${delivery.address} . ${delivery.port}`)];
  }
}

function pinnedPorts(relays: readonly RelayTunnel[], facts: BackendFacts): Port[] {
  const ports = relays.flatMap((relay) =>
    placed(relay, facts).flatMap(({ mapping, delivery }) => (delivery.kind === 'pinned' ? [mapping.targetPort] : [])),
  );
  return [...new Set([...ports, facts.echoPort])];
}

function element(set: string, key: string, value: string | null = null): NftElement {
  return { kind: 'nft-element', table: BACKEND_TABLE, set, key, value };
}
