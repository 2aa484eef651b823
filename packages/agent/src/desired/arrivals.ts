/** A relay's forwards as they arrive at this backend, each with the way it is delivered. Pure. */

import type { Listener } from '@homeward/shared/kernel/sockets';
import type { AddressPair, Family, IpAddress } from '@homeward/shared/net/address';
import { arrivalRanges, type Forward, familiesOf, isWhole } from '@homeward/shared/net/forward-spec';
import { type PortRange, port, rangeContains, rangeLength, rangesWithout } from '@homeward/shared/net/port';
import type { Transport } from '@homeward/shared/net/transport';
import { type Remember, recompute } from '@homeward/shared/reconcile/plan-memory';
import type { NftElement } from '@homeward/shared/state/resources';
import { backendElement, isSingle, type PortEntry, SETS, singleElements } from './backend-sets.js';
import { deliver } from './deliveries/deliveries.js';
import { type Arrival, arrivalPlace, type Delivery } from './deliveries/delivery.js';

export interface Delivered {
  readonly arrival: Arrival;
  readonly delivery: Delivery;
}

/** One forward with all its deliveries. */
export interface DeliveredForward {
  readonly deliveries: readonly Delivered[];
  /** Of single ports: what lets them in and what delivers them. */
  readonly elements: readonly NftElement[];
  /** The same with ranges, which have to be joined with those of other forwards. */
  readonly ranges: readonly PortEntry[];
  /** Families in which this backend has to forward packets for it. */
  readonly forwarding: readonly Family[];
}

/** A relay's forwards and where they arrive. */
export interface Arriving {
  readonly forwards: readonly Forward[];
  /** Of the families that the tunnel carries. */
  readonly tunnelAddresses: Partial<AddressPair>;
}

/** Of each forward its deliveries, in every family of its clients that this machine speaks. */
export function deliveredForwards(
  { forwards, tunnelAddresses }: Arriving,
  families: readonly Family[],
  listeners: readonly Listener[],
  remember: Remember<Forward, DeliveredForward> = recompute,
): DeliveredForward[] {
  const sockets = socketsByPort(listeners);
  const remembered = remember(JSON.stringify([tunnelAddresses, families, listeners]));
  return forwards.map((forward) =>
    remembered(forward, () => {
      const parts = familiesOf(forward)
        .filter((family) => families.includes(family))
        .flatMap((family) => {
          const address = tunnelAddresses[family];
          return address === undefined ? [] : deliveredIn(family, forward, address, sockets);
        });
      const deliveries = parts.map(({ delivered }) => delivered);
      const entries = parts.flatMap((part) => part.entries);
      return {
        deliveries,
        elements: [
          ...singleElements(entries),
          ...(isWhole(forward) ? wholeElements(forward, families, tunnelAddresses) : []),
        ],
        ranges: entries.filter((entry) => !isSingle(entry)),
        forwarding: deliveries.filter(({ delivery }) => delivery.needsForwarding).map(({ arrival }) => arrival.family),
      };
    }),
  );
}

function deliveredIn(
  family: Family,
  forward: Forward,
  tunnelAddress: IpAddress,
  sockets: (family: Family, transport: Transport) => SocketsByPort,
): { readonly delivered: Delivered; readonly entries: readonly PortEntry[] }[] {
  return forward.transports.flatMap((transport) =>
    alikePorts(forward, transport, sockets(family, transport)).map((alike) => {
      const arrival: Arrival = { forward, family, transport, tunnelAddress, ...alike };
      const { delivery, entries } = deliver(arrival);
      return { delivered: { arrival, delivery }, entries: [allowedEntry(arrival), ...entries] };
    }),
  );
}

/** Lets in what has no ports. */
function wholeElements(
  forward: Forward,
  families: readonly Family[],
  tunnelAddresses: Partial<AddressPair>,
): NftElement[] {
  return familiesOf(forward).flatMap((family) => {
    const address = tunnelAddresses[family];
    return address === undefined || !families.includes(family) ? [] : [backendElement(SETS[family].whole, address)];
  });
}

function allowedEntry(arrival: Arrival): PortEntry {
  const { family, ports } = arrival;
  return { sets: SETS[family].allowed, place: arrivalPlace(arrival), ports, value: null, rangeValue: null };
}

/** Cuts a forward's ports where somebody listens: each such port for itself, and what is left between them. */
function alikePorts(
  forward: Forward,
  transport: Transport,
  sockets: SocketsByPort,
): { ports: PortRange; sockets: readonly Listener[] }[] {
  const ranges = arrivalRanges(forward, transport);
  if (forward.targetHost !== null) return ranges.map((ports) => ({ ports, sockets: [] }));
  return ranges.flatMap((ports) => alikeInRange(ports, sockets));
}

function alikeInRange(ports: PortRange, sockets: SocketsByPort): { ports: PortRange; sockets: readonly Listener[] }[] {
  if (rangeLength(ports) === 1) return [{ ports, sockets: sockets.get(ports.first) ?? [] }];
  const busy = [...sockets.keys()].filter((candidate) => rangeContains(ports, candidate));
  return [
    ...busy.map((number) => ({
      ports: { first: port(number), last: port(number) },
      sockets: sockets.get(number) ?? [],
    })),
    ...rangesWithout(ports, busy).map((rest) => ({ ports: rest, sockets: [] })),
  ];
}

type SocketsByPort = ReadonlyMap<number, readonly Listener[]>;

/** Listed once for all forwards. A socket that is bound to a link gets nothing that comes by a tunnel. */
function socketsByPort(listeners: readonly Listener[]): (family: Family, transport: Transport) => SocketsByPort {
  const tables = new Map<string, Map<number, Listener[]>>();
  for (const listener of listeners) {
    if (listener.link !== null) continue;
    for (const family of listenerFamilies(listener)) {
      const key = `${family} ${listener.transport}`;
      const table = tables.get(key) ?? new Map<number, Listener[]>();
      tables.set(key, table.set(listener.port, [...(table.get(listener.port) ?? []), listener]));
    }
  }
  return (family, transport) => tables.get(`${family} ${transport}`) ?? new Map();
}

function listenerFamilies({ family }: Listener): readonly Family[] {
  if (family === 'both') return ['ipv4', 'ipv6'];
  return [family];
}
