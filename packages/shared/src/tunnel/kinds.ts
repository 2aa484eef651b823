/** The table of tunnel kinds: a kind without a row here does not compile. */

import type { TunnelOffer } from '../protocol/messages.js';
import type { Resource } from '../state/resources.js';
import type { BackendEnd, TunnelKind, TunnelKindName } from './tunnel-kind.js';
import { wireguardTunnel } from './wireguard.js';

export const TUNNELS: { readonly [Name in TunnelKindName]: TunnelKind<Name> } = {
  wireguard: wireguardTunnel,
};

/** The backend's resources for whatever kind was offered. */
export function backendTunnel(offer: TunnelOffer, end: BackendEnd): Resource[] {
  return TUNNELS[offer.kind].backendResources(offer, end);
}
