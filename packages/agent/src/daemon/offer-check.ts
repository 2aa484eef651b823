/** What of an offer this backend takes: checked against the owner's policy and against the machine. Pure. */

import type { Snapshot } from '@homeward/shared/kernel/snapshot';
import type { Listener } from '@homeward/shared/kernel/sockets';
import { SSH_PORT, sshPorts } from '@homeward/shared/kernel/ssh-ports';
import { type IpAddress, isIp, parseIp } from '@homeward/shared/net/address';
import { isHomewardLink, isSlotLink } from '@homeward/shared/net/allocation';
import type { Forward } from '@homeward/shared/net/forward-spec';
import { rangeLength } from '@homeward/shared/net/port';
import { formatPrefix, isNetwork, PRIVATE_IPV4, parsePrefix, prefixContains } from '@homeward/shared/net/prefix';
import { Secret } from '@homeward/shared/net/secret';
import type { Offer, TunnelOffer } from '@homeward/shared/protocol/messages';
import { backendTunnel } from '@homeward/shared/tunnel/kinds';
import type { RelayTunnel } from '../desired/backend-state.js';
import { tunnelEnd } from '../desired/tunnel-end.js';
import type { OwnSide, Policy } from '../policy.js';
import { isReachedBy } from '../store/relays.js';
import type { RelayRecord } from '../store/state.js';
import type { ReadForward } from './forward-reader.js';

/** `known` collects SSH's ports: one that was seen once stays protected while its listener is away. */
export function ownSide(snapshot: Snapshot, listeners: readonly Listener[], known: Set<number>): OwnSide {
  for (const port of [SSH_PORT, ...sshPorts(listeners)]) known.add(port);
  return {
    sshPorts: [...known],
    addresses: snapshot.links.flatMap((link) => link.addresses.map(({ address }) => address)),
  };
}

/** The kernel's view of a relay's accepted offer, as far as the owner allows it; empty where there is none, or its device is away. */
export function relayTunnel(
  relay: RelayRecord,
  policy: Policy,
  snapshot: Snapshot,
  allowed: (offered: readonly string[]) => readonly Forward[],
): RelayTunnel[] {
  if (relay.accepted === null) return [];
  // The owner may have changed the policy since.
  if (policy.tunnels !== null && !policy.tunnels.includes(relay.accepted.offer.tunnel.kind)) return [];
  const { offer, endpointHost, localHost = null } = relay.accepted;
  const end = tunnelEnd(relay, offer.tunnel, snapshot);
  if (end === null) return [];
  const { publicKey, privateKey } = relay.wireguard;
  return [
    {
      slot: relay.slot,
      link: end.link,
      tunnelAddresses: end.addresses,
      shared: end.shared,
      resources: backendTunnel(offer.tunnel, {
        slot: relay.slot,
        link: end.link,
        wireguard: { publicKey, privateKey: new Secret(privateKey) },
        endpointHost,
        localHost,
      }),
      forwards: allowed(offer.forwards),
    },
  ];
}

/** Where a tunnel address may lie (RFC 1918, 6598, 4193): a relay must not make a public or a metadata address one of this backend's own, nor have datagrams sent to one. */
const TUNNEL_PREFIXES = [...PRIVATE_IPV4, parsePrefix('fd00::/8')];

/** Each port of a range that leads to other ports is an element in the kernel: more would exhaust a small machine. */
const MOST_LISTED_PORTS = 200_000;

function listedPorts(offered: readonly ReadForward[]): number {
  return offered.reduce((sum, one) => {
    if ('problem' in one || one.forward.targetHost === null) return sum;
    return sum + rangeLength(one.forward.publicPorts) * one.forward.transports.length;
  }, 0);
}

/** Why the offer as a whole cannot be taken, or null. */
export function offerProblem(
  offer: Offer,
  offered: readonly ReadForward[],
  relay: RelayRecord,
  others: readonly RelayRecord[],
  policy: Policy,
  snapshot: Snapshot,
): string | null {
  const { tunnel } = offer;
  if (policy.tunnels !== null && !policy.tunnels.includes(tunnel.kind)) {
    return `${policy.path} does not allow ${tunnel.kind} tunnels; to allow them, add "${tunnel.kind}" to "tunnels"`;
  }
  if (listedPorts(offered) > MOST_LISTED_PORTS) {
    return `the relay offers more than ${MOST_LISTED_PORTS} ports of hosts behind this backend`;
  }
  if (tunnel.kind === 'external') return deviceProblem(relay, others, tunnel, snapshot);
  const own = [tunnel.backendAddress, tunnel.backendAddress6].map(parseIp);
  const ends = [...own, ...[tunnel.relayAddress, tunnel.relayAddress6].map(parseIp)];
  const notPrivate = ends.find((address) => !TUNNEL_PREFIXES.some((prefix) => prefixContains(prefix, address)));
  if (notPrivate !== undefined) {
    return `the tunnel address ${notPrivate} is not a private one (RFC 1918, RFC 6598, RFC 4193)`;
  }
  for (const address of own) {
    const problem = addressProblem(address, relay, others, snapshot);
    if (problem !== null) return problem;
  }
  return null;
}

/** Which device it is, the owner says; it has to be there, with an address the relay can reach. */
export function deviceProblem(
  relay: RelayRecord,
  others: readonly RelayRecord[],
  offer: TunnelOffer,
  snapshot: Snapshot,
): string | null {
  if (offer.kind !== 'external') return null;
  const { device } = relay;
  if (device === null) {
    return `this backend was not told which of its devices leads to the relay; tell it there, for example: agent device tun0`;
  }
  if (isHomewardLink(device.name)) return `${device.name} is a device of homeward's own, no tunnel of somebody else's`;
  const twin = others.find((other) => other.controllerKey !== relay.controllerKey && isReachedBy(other, device));
  if (twin !== undefined) {
    return `${device.name} leads to the relay in slot ${twin.slot}; of two relays behind one device it cannot be told whom a reply is for`;
  }
  const end = tunnelEnd(relay, offer, snapshot);
  if (end === null) return `this backend has no device ${device.name} that is up`;
  if (Object.keys(end.addresses).length > 0) return null;
  return `${device.name} and the relay's device have no addresses of one family`;
}

function addressProblem(
  address: IpAddress,
  relay: RelayRecord,
  others: readonly RelayRecord[],
  snapshot: Snapshot,
): string | null {
  const twin = others.find(({ controllerKey, accepted }) => {
    const tunnel = accepted?.offer.tunnel;
    if (tunnel === undefined || tunnel.kind === 'external') return false;
    const isSame = tunnel.backendAddress === address || tunnel.backendAddress6 === address;
    return isSame && controllerKey !== relay.controllerKey;
  });
  if (twin !== undefined)
    return `the relay in slot ${twin.slot} uses the same tunnel address ${address}: start one with another --pool`;
  const clash = usedPrefixes(snapshot).find((prefix) => prefixContains(parsePrefix(prefix), address));
  return clash === undefined
    ? null
    : `the tunnel address ${address} lies in ${clash}, which this backend uses: start the relay with another --pool`;
}

/** Prefixes of the backend's own links and routes, without defaults and our own tunnels. */
export function usedPrefixes(snapshot: Snapshot): string[] {
  const addresses = snapshot.links
    .filter((link) => !isSlotLink(link.name))
    .flatMap((link) => link.addresses.filter(({ address }) => isIp(address)))
    .map(({ address, prefixLength }) => formatPrefix(parsePrefix(`${address}/${prefixLength}`)));
  const routes = snapshot.routes
    .filter((route) => route.type === 'unicast' && route.table === 'main' && !isSlotLink(route.link ?? ''))
    .filter((route) => route.destination !== 'default')
    .map((route) => formatPrefix(parsePrefix(route.destination)));
  return [...new Set([...addresses, ...routes])].filter((prefix) => isNetwork(parsePrefix(prefix)));
}
