/** What a kind of tunnel has to give: its resources for either end, its MTU, and what the backend is told of it. */

import type { AddressPair, Family, IpAddress, Ipv4Address, Ipv6Address } from '../net/address.js';
import type { LinkName } from '../net/names.js';
import type { Secret } from '../net/secret.js';
import type { TunnelOffer } from '../protocol/messages.js';
import type { Resource } from '../state/resources.js';
import type { TunnelKindName, TunnelSpecOf } from './tunnel-spec.js';

/** A device that somebody else made: its first global address of each family, null for a family without one. */
export interface DeviceFacts {
  readonly ipv4: Ipv4Address | null;
  readonly ipv6: Ipv6Address | null;
  /** Octets. */
  readonly mtu: number;
}

/** The relay's own end, shared by all its backends. */
export interface RelayEnd {
  readonly addresses: AddressPair;
  /** Of the pools. */
  readonly prefixLengths: Readonly<Record<Family, number>>;
  /** Those this machine can speak. */
  readonly families: readonly Family[];
  /** Octets of the way to the backends. */
  readonly uplinkMtu: number;
  readonly wireguard: { readonly privateKey: Secret; readonly publicKey: string; readonly port: number };
  /** Devices of external tunnels that are there, by name. */
  readonly devices: Readonly<Record<string, DeviceFacts>>;
}

/** Where the outer packets between the two ends go, as the authenticated session and the backend's own packets show it. */
export interface OuterEnds {
  /** The relay's address that the backend reaches. */
  readonly local: IpAddress;
  /** The backend's address as the relay sees it. */
  readonly remote: IpAddress;
  /** The UDP port that the backend's packets come from; null for none, or not known yet. */
  readonly port: number | null;
}

/** One backend as the relay knows it. */
export interface RelayPeer<Name extends TunnelKindName = TunnelKindName> {
  readonly spec: TunnelSpecOf<Name>;
  /** Of the pairing; numbers the links of kinds that have one for each peer. */
  readonly index: number;
  readonly addresses: AddressPair;
  /** Null until the agent said hello. */
  readonly wireguardPublicKey: string | null;
  readonly presharedKey: Secret;
  /** Null until the agent said hello. */
  readonly outer: OuterEnds | null;
}

/** The backend's end: its slot, the link of it, its own keys, the relay's outer address. */
export interface BackendEnd {
  readonly slot: number;
  readonly link: LinkName;
  readonly wireguard: { readonly privateKey: Secret; readonly publicKey: string };
  /** An IP address. */
  readonly endpointHost: string;
  /** This backend's address towards it, or null where it is not known. */
  readonly localHost: string | null;
}

export type OfferOf<Name extends TunnelKindName> = Extract<TunnelOffer, { kind: Name }>;

export interface TunnelKind<Name extends TunnelKindName> {
  /** The relay's device that leads to the peer. */
  relayLink(peer: RelayPeer<Name>): LinkName;
  /** Octets inside; null while it cannot be known. */
  mtu(relay: RelayEnd, peer: RelayPeer<Name>): number | null;
  /** Everything the relay needs for all its backends of this kind. */
  relayResources(relay: RelayEnd, peers: readonly RelayPeer<Name>[]): Resource[];
  /** What the backend is told; null while that cannot be known. */
  offer(relay: RelayEnd, peer: RelayPeer<Name>): OfferOf<Name> | null;
  /** Device and keys at the backend; addresses and routes are the same for all kinds. */
  backendResources(offer: OfferOf<Name>, end: BackendEnd): Resource[];
}
