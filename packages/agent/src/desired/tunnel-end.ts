/** This backend's end of a relay's tunnel: our own link in its slot, or a device that the owner named. Pure. */

import type { Snapshot } from '@homeward/shared/kernel/snapshot';
import { deviceFacts } from '@homeward/shared/kernel/uplink';
import {
  type AddressPair,
  FAMILIES,
  type Family,
  familyOf,
  type IpAddress,
  isIp,
  parseIp,
  parseIpv4,
  parseIpv6,
} from '@homeward/shared/net/address';
import { slotNumbers } from '@homeward/shared/net/allocation';
import type { LinkName } from '@homeward/shared/net/names';
import { parseLinkName } from '@homeward/shared/net/names';
import { formatPrefix, type IpPrefix, isNetwork, parsePrefix } from '@homeward/shared/net/prefix';
import type { TunnelOffer } from '@homeward/shared/protocol/messages';
import type { OwnersDevice } from '../store/state.js';

export interface TunnelEnd {
  readonly link: LinkName;
  /** Of the families that the tunnel carries. */
  readonly addresses: Partial<AddressPair>;
  /** Null for a link of our own. */
  readonly shared: SharedLink | null;
}

/** What has to be known of a device that is used for other things as well. */
export interface SharedLink {
  /** The relay, where several machines share the device; none on a link between two. */
  readonly gateways: Partial<Record<Family, IpAddress>>;
  /** Who is met there beside clients: the device's own networks and what is routed by it. None of our business. */
  readonly neighbours: readonly IpPrefix[];
}

/** Null while the owner's device is not there, or none was named. */
export function tunnelEnd(
  relay: { readonly slot: number; readonly device: OwnersDevice | null },
  offer: TunnelOffer,
  snapshot: Snapshot,
): TunnelEnd | null {
  if (offer.kind !== 'external') {
    const addresses = { ipv4: parseIpv4(offer.backendAddress), ipv6: parseIpv6(offer.backendAddress6) };
    return { link: slotNumbers(relay.slot).link, addresses, shared: null };
  }
  const link = snapshot.links.find(({ name, up }) => name === relay.device?.name && up);
  if (link === undefined || relay.device === null) return null;
  const { ipv4, ipv6 } = deviceFacts(link);
  const relayAddresses = { ipv4: offer.relayAddress, ipv6: offer.relayAddress6 };
  return {
    link: parseLinkName(link.name),
    addresses: {
      ...(ipv4 === null || relayAddresses.ipv4 === null ? {} : { ipv4 }),
      ...(ipv6 === null || relayAddresses.ipv6 === null ? {} : { ipv6 }),
    },
    shared: {
      gateways: link.pointToPoint ? {} : gatewaysOf(relayAddresses, relay.device.gateway),
      neighbours: neighboursOf(snapshot, link.name),
    },
  };
}

/** Who has no address yet, and asks for one (RFC 2131) or whether it is free (RFC 4862). */
const NOBODY = ['0.0.0.0/32', '::/128'];

/** A gateway that the owner gave goes before the relay's own address. */
function gatewaysOf(
  relayAddresses: Readonly<Record<Family, string | null>>,
  given: string | null,
): Partial<Record<Family, IpAddress>> {
  return Object.fromEntries(
    FAMILIES.flatMap((family) => {
      const own = given !== null && isIp(given) && familyOf(given) === family ? given : relayAddresses[family];
      return own === null ? [] : [[family, parseIp(own)]];
    }),
  );
}

function neighboursOf(snapshot: Snapshot, device: string): IpPrefix[] {
  const addresses = snapshot.links
    .filter(({ name }) => name === device)
    .flatMap((link) => link.addresses.map(({ address, prefixLength }) => `${address}/${prefixLength}`));
  const routed = snapshot.routes
    .filter((route) => route.link === device && route.table === 'main' && route.type === 'unicast')
    .map(({ destination }) => destination)
    .filter((destination) => destination !== 'default');
  const prefixes = [...NOBODY, ...addresses, ...routed]
    .filter((text) => isIp(text.split('/')[0] ?? ''))
    .map(parsePrefix);
  // Behind a VPN's default route are clients as well.
  return [...new Map(prefixes.filter(isNetwork).map((prefix) => [formatPrefix(prefix), prefix])).values()];
}
