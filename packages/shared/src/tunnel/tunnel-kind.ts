/** What a kind of tunnel has to give: its resources for either end, its MTU, and what the backend is told of it. */

import type { AddressPair, Family } from '../net/address.js';
import type { LinkName } from '../net/names.js';
import type { Secret } from '../net/secret.js';
import type { TunnelOffer } from '../protocol/messages.js';
import type { Resource } from '../state/resources.js';

export type TunnelKindName = TunnelOffer['kind'];

/** The relay's own end, shared by all its backends. */
export interface RelayEnd {
  readonly addresses: AddressPair;
  /** Of the pools. */
  readonly prefixLengths: Readonly<Record<Family, number>>;
  /** Those this machine can speak. */
  readonly families: readonly Family[];
  /** Octets inside the tunnel. */
  readonly mtu: number;
  readonly wireguard: { readonly privateKey: Secret; readonly publicKey: string; readonly port: number };
}

/** One backend as the relay knows it. */
export interface RelayPeer {
  readonly addresses: AddressPair;
  /** Null until the agent said hello. */
  readonly wireguardPublicKey: string | null;
  readonly presharedKey: Secret;
}

/** The backend's end: its slot's link, its own keys, the relay's outer address. */
export interface BackendEnd {
  readonly link: LinkName;
  readonly wireguard: { readonly privateKey: Secret; readonly publicKey: string };
  readonly endpointHost: string;
}

export interface TunnelKind<Name extends TunnelKindName> {
  /** Octets inside, over an uplink of this MTU. */
  mtu(uplinkMtu: number): number;
  /** Everything the relay needs for all its backends of this kind. */
  relayResources(relay: RelayEnd, peers: readonly RelayPeer[]): Resource[];
  /** What the backend is told. */
  offer(relay: RelayEnd, peer: RelayPeer): Extract<TunnelOffer, { kind: Name }>;
  /** Device and keys at the backend; addresses and routes are the same for all kinds. */
  backendResources(offer: Extract<TunnelOffer, { kind: Name }>, end: BackendEnd): Resource[];
}
