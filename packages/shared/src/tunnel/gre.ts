/**
 * The GRE tunnel: a device at either end for each pairing, over IPv4, IPv6, or in UDP (FOU) through NAT. Neither end
 * encrypts or authenticates; each takes packets from the other's outer address only. Pure.
 *
 *   relay hwg1  remote = backend as the relay sees it   ◄──  GRE, or UDP 7700 ◄─► 7700 + slot  ──►   hw1  remote = relay as dialled
 */

import { bitsOf, familyOf, type IpAddress, isIp, parseIp } from '../net/address.js';
import { MAIN_TABLE, RELAY_FOU_PORT, relayGreLink, slotFouPort } from '../net/allocation.js';
import type { GreDevice, Resource } from '../state/resources.js';
import { greMtu } from './mtu.js';
import type { RelayEnd, RelayPeer, TunnelKind } from './tunnel-kind.js';
import { greType } from './tunnel-spec.js';

export const greTunnel: TunnelKind<'gre'> = {
  relayLink: ({ index }) => relayGreLink(index),
  mtu: ({ uplinkMtu }, { spec, outer }) => (outer === null ? null : greMtu(uplinkMtu, familyOf(outer.remote), spec)),
  relayResources: (relay, peers) => [
    ...(peers.some(({ spec }) => spec.udp) ? [{ kind: 'fou-port' as const, port: RELAY_FOU_PORT }] : []),
    ...distinguishable(peers).flatMap((peer) => relayEnd(relay, peer)),
  ],
  offer: (relay, peer) => {
    const mtu = greTunnel.mtu(relay, peer);
    if (mtu === null) return null;
    return {
      kind: 'gre',
      relayAddress: relay.addresses.ipv4,
      backendAddress: peer.addresses.ipv4,
      relayAddress6: relay.addresses.ipv6,
      backendAddress6: peer.addresses.ipv6,
      key: peer.spec.key,
      udpPort: peer.spec.udp ? RELAY_FOU_PORT : null,
      mtu,
    };
  },
  backendResources: (offer, { slot, link, endpointHost, localHost }) => {
    if (!isIp(endpointHost)) return [];
    const device: GreDevice = {
      type: greType(endpointHost),
      local: ownEnd(endpointHost, localHost),
      remote: parseIp(endpointHost),
      key: offer.key,
      udp: offer.udpPort === null ? null : { source: slotFouPort(slot), destination: offer.udpPort },
    };
    return [
      ...(offer.udpPort === null ? [] : [{ kind: 'fou-port' as const, port: slotFouPort(slot) }]),
      { kind: 'link', name: link, device, mtu: offer.mtu, up: true },
    ];
  },
};

/** The kernel has one plain GRE device for a remote and a key: a second backend there must not keep all others from their tunnels. */
function distinguishable(peers: readonly RelayPeer<'gre'>[]): RelayPeer<'gre'>[] {
  const seen = new Set<string>();
  return peers.filter(({ spec, outer }) => {
    const place = JSON.stringify([outer?.local, outer?.remote, spec.key]);
    const isNew = !seen.has(place);
    if (outer !== null) seen.add(place);
    return isNew;
  });
}

/**
 * Over IPv4 whatever address this machine has by then, since it may change. Over IPv6 the kernel sends nothing from a
 * device without an address of its own (ip6_tnl_xmit_ctl in net/ipv6/ip6_tunnel.c).
 */
function ownEnd(remote: string, local: string | null): IpAddress | null {
  if (local === null || !isIp(local) || greType(remote) === 'gre' || greType(local) === 'gre') return null;
  return parseIp(local);
}

/** Nothing before it is known where the backend is. */
function relayEnd(relay: RelayEnd, peer: RelayPeer<'gre'>): Resource[] {
  const { outer, spec } = peer;
  const mtu = greTunnel.mtu(relay, peer);
  if (outer === null || mtu === null || (spec.udp && outer.port === null)) return [];
  const link = greTunnel.relayLink(peer);
  const device: GreDevice = {
    type: greType(outer.remote),
    // The backend takes packets from the address it dialled only; of several the route would choose another.
    local: outer.local,
    remote: outer.remote,
    key: spec.key,
    udp: spec.udp && outer.port !== null ? { source: RELAY_FOU_PORT, destination: outer.port } : null,
  };
  return [
    { kind: 'link', name: link, device, mtu, up: true },
    ...relay.families.flatMap((family): Resource[] => [
      { kind: 'address', link, address: relay.addresses[family], prefixLength: bitsOf(family) },
      {
        kind: 'route',
        family,
        table: MAIN_TABLE,
        destination: peer.addresses[family],
        link,
        gateway: null,
      },
    ]),
  ];
}
