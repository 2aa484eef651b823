/** The table of tunnel kinds: a kind without a row here does not compile. */

import type { LinkName } from '../net/names.js';
import type { TunnelOffer } from '../protocol/messages.js';
import type { Resource } from '../state/resources.js';
import { externalTunnel } from './external.js';
import { greTunnel } from './gre.js';
import type { BackendEnd, RelayEnd, RelayPeer, TunnelKind } from './tunnel-kind.js';
import type { TunnelKindName } from './tunnel-spec.js';
import { wireguardTunnel } from './wireguard.js';

export const TUNNELS: { readonly [Name in TunnelKindName]: TunnelKind<Name> } = {
  wireguard: wireguardTunnel,
  gre: greTunnel,
  external: externalTunnel,
};

/** The row of a peer's kind; the table's type keeps kind and row together, which the index access cannot see. */
function kindOf<Name extends TunnelKindName>(name: Name): TunnelKind<Name> {
  return TUNNELS[name];
}

/** The relay's resources for all its peers, whatever their kinds. */
export function relayTunnels(relay: RelayEnd, peers: readonly RelayPeer[]): Resource[] {
  const ofKind = (name: TunnelKindName): Resource[] =>
    kindOf(name).relayResources(relay, peers.filter(({ spec }) => spec.kind === name) as never);
  // WireGuard's device is there for backends to come as well, unless all there are use something else.
  const needsWireguard = peers.length === 0 || peers.some(({ spec }) => spec.kind === 'wireguard');
  return [...(needsWireguard ? ofKind('wireguard') : []), ...ofKind('gre'), ...ofKind('external')];
}

/** The relay's device that leads to a peer. */
export function relayLinkOf(peer: RelayPeer): LinkName {
  return kindOf(peer.spec.kind).relayLink(peer as never);
}

/** Octets inside a peer's tunnel; null while that cannot be known. */
export function tunnelMtuOf(relay: RelayEnd, peer: RelayPeer): number | null {
  return kindOf(peer.spec.kind).mtu(relay, peer as never);
}

/** What a peer is told of its tunnel; null while that cannot be known. */
export function tunnelOfferOf(relay: RelayEnd, peer: RelayPeer): TunnelOffer | null {
  return kindOf(peer.spec.kind).offer(relay, peer as never);
}

/** The backend's resources for whatever kind was offered. */
export function backendTunnel(offer: TunnelOffer, end: BackendEnd): Resource[] {
  return kindOf(offer.kind).backendResources(offer as never, end);
}
