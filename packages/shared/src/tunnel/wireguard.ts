/** The WireGuard tunnel: one device at the relay for all backends, one at the backend for each relay. Pure. */

import { formatEndpoint } from '../net/address.js';
import { RELAY_LINK } from '../net/allocation.js';
import { Secret } from '../net/secret.js';
import type { Sysctl, WireguardPeer } from '../state/resources.js';
import { wireguardMtu } from './mtu.js';
import type { RelayPeer, TunnelKind } from './tunnel-kind.js';

/** Seconds between keepalives: below the 30 s after which home routers forget a silent UDP flow. */
const KEEPALIVE_SECONDS = 25;

/**
 * The kernel's WireGuard writes this itself when a device goes up (wg_open in drivers/net/wireguard/device.c): desired, so
 * that it is recorded beforehand and put back.
 */
const NO_REDIRECTS: Sysctl = { kind: 'sysctl', path: 'net/ipv4/conf/all/send_redirects', value: '0' };

export const wireguardTunnel: TunnelKind<'wireguard'> = {
  relayLink: () => RELAY_LINK,
  mtu: ({ uplinkMtu }) => wireguardMtu(uplinkMtu),
  relayResources: (relay, peers) => [
    { kind: 'link', name: RELAY_LINK, device: { type: 'wireguard' }, mtu: wireguardMtu(relay.uplinkMtu), up: true },
    {
      kind: 'wireguard-device',
      link: RELAY_LINK,
      privateKey: relay.wireguard.privateKey,
      publicKey: relay.wireguard.publicKey,
      listenPort: relay.wireguard.port,
      peers: peers.flatMap(relayPeer),
    },
    ...relay.families.map((family) => ({
      kind: 'address' as const,
      link: RELAY_LINK,
      address: relay.addresses[family],
      prefixLength: relay.prefixLengths[family],
    })),
    NO_REDIRECTS,
  ],
  offer: (relay, peer) => ({
    kind: 'wireguard',
    relayPublicKey: relay.wireguard.publicKey,
    presharedKey: peer.presharedKey.reveal(),
    endpointPort: relay.wireguard.port,
    relayAddress: relay.addresses.ipv4,
    backendAddress: peer.addresses.ipv4,
    relayAddress6: relay.addresses.ipv6,
    backendAddress6: peer.addresses.ipv6,
    mtu: wireguardMtu(relay.uplinkMtu),
  }),
  backendResources: (offer, { link, wireguard, endpointHost }) => [
    { kind: 'link', name: link, device: { type: 'wireguard' }, mtu: offer.mtu, up: true },
    {
      kind: 'wireguard-device',
      link,
      ...wireguard,
      listenPort: null,
      peers: [
        {
          publicKey: offer.relayPublicKey,
          presharedKey: new Secret(offer.presharedKey),
          // Clients have any address; routes into main are never made of it.
          allowedIps: ['0.0.0.0/0', '::/0'],
          endpoint: formatEndpoint(endpointHost, offer.endpointPort),
          keepaliveSeconds: KEEPALIVE_SECONDS,
        },
      ],
    },
    NO_REDIRECTS,
  ],
};

/** AllowedIPs are the backend's own addresses and nothing more: a compromised agent can speak for itself only. */
function relayPeer(peer: RelayPeer<'wireguard'>): WireguardPeer[] {
  if (peer.wireguardPublicKey === null) return [];
  return [
    {
      publicKey: peer.wireguardPublicKey,
      presharedKey: peer.presharedKey,
      allowedIps: [`${peer.addresses.ipv4}/32`, `${peer.addresses.ipv6}/128`],
      endpoint: null,
      keepaliveSeconds: null,
    },
  ];
}
