/** Forwards of everything (`all`): where they lead, and what stays at the relay. Pure. */

import { type AddressPair, type Family, familyOf, isIp } from '@homeward/shared/net/address';
import { type Forward, isWhole } from '@homeward/shared/net/forward-spec';
import { formatPortRange, port } from '@homeward/shared/net/port';
import { type PortSpec, portsOfTransport } from '@homeward/shared/net/port-spec';
import { TRANSPORTS, type Transport } from '@homeward/shared/net/transport';
import type { NftElement } from '@homeward/shared/state/resources';
import { COMMON_SETS, relayElement, SETS } from './relay-sets.js';

/** A port of the relay's own: of one address, or of all (`*`). */
export interface OwnDoor {
  readonly transport: Transport;
  readonly address: string;
  readonly port: number;
}

/** DHCP's clients, and IKE, whose packets belong to tunnels of this machine whether anything listens now or not. */
const ALWAYS_KEPT: readonly OwnDoor[] = [68, 500, 546, 4500].map((own) => ({
  transport: 'udp',
  address: '*',
  port: own,
}));

/** What leads clients to the backend of an `all`, and counts what passes. */
export function wholeElements({ address }: Forward, families: readonly Family[], backend: AddressPair): NftElement[] {
  return families.flatMap((family) => {
    const { whole, anyWhole, wholeBytesIn, wholeBytesOut } = SETS[family];
    return [
      address === null
        ? relayElement(anyWhole, EVERY_ADDRESS[family], backend[family])
        : relayElement(whole, address, backend[family]),
      ...[wholeBytesIn, wholeBytesOut].map((set) => relayElement(set, backend[family])),
    ];
  });
}

const EVERY_ADDRESS: Readonly<Record<Family, string>> = { ipv4: '0.0.0.0/0', ipv6: '::/0' };

/**
 * What does not go by `all`: the relay's own doors, and ports of forwards that lead nowhere at present, whose clients are not
 * for somebody else.
 */
export function keptElements(
  wholes: readonly Forward[],
  waiting: readonly Forward[],
  doors: readonly OwnDoor[],
): NftElement[] {
  const own = [...ALWAYS_KEPT, ...doors].map((door) => ({ address: door.address, spec: specOf(door) }));
  const absent = waiting.filter((forward) => !isWhole(forward)).map(placed);
  const excepted = wholes.flatMap(({ address, exceptions }) => (exceptions ?? []).map((spec) => ({ address, spec })));
  const kept = [...own, ...absent];
  const everywhere = kept.filter(({ address }) => address === null || !isIp(address));
  const somewhere = [...kept, ...excepted].filter(({ address }) => address !== null && isIp(address));
  const addresses = [...new Set(somewhere.map(({ address }) => address ?? ''))];
  return [
    ...portElements(COMMON_SETS.kept, '', specsOf(everywhere)),
    ...portElements(COMMON_SETS.excepted, '', specsOf(excepted.filter(({ address }) => address === null))),
    ...addresses.flatMap((address) => {
      if (!isIp(address)) return [];
      const here = specsOf(somewhere.filter((one) => one.address === address));
      return portElements(SETS[familyOf(address)].keptAt, `${address} . `, here);
    }),
  ];
}

/** Ports that stay at the relay, whatever their address. */
export function keptPorts(doors: readonly OwnDoor[]): PortSpec[] {
  return [...ALWAYS_KEPT, ...doors].map(specOf);
}

interface Placed {
  readonly address: string | null;
  readonly spec: PortSpec;
}

function specOf({ port: own, transport }: OwnDoor): PortSpec {
  return { ports: { first: port(own), last: port(own) }, transports: [transport] };
}

function placed({ address, publicPorts, transports }: Forward): Placed {
  return { address, spec: { ports: publicPorts, transports } };
}

function specsOf(all: readonly Placed[]): PortSpec[] {
  return all.map(({ spec }) => spec);
}

function portElements(set: string, place: string, specs: readonly PortSpec[]): NftElement[] {
  return TRANSPORTS.flatMap((transport) =>
    portsOfTransport(specs, transport).map((ports) =>
      relayElement(set, `${place}${transport} . ${formatPortRange(ports)}`),
    ),
  );
}
