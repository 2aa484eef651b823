/** The tunnel of a pairing as the rest of the relay needs it, whatever its kind. Pure. */

import {
  type AddressPair,
  type Family,
  type IpAddress,
  parseIp,
  parseIpv4,
  parseIpv6,
} from '@homeward/shared/net/address';
import type { LinkName } from '@homeward/shared/net/names';
import { parsePrefix } from '@homeward/shared/net/prefix';
import { Secret } from '@homeward/shared/net/secret';
import type { TunnelOffer } from '@homeward/shared/protocol/messages';
import { relayLinkOf, tunnelMtuOf, tunnelOfferOf } from '@homeward/shared/tunnel/kinds';
import type { RelayEnd, RelayPeer } from '@homeward/shared/tunnel/tunnel-kind';
import type { TunnelSpec } from '@homeward/shared/tunnel/tunnel-spec';
import { poolAddresses, relayTunnelAddresses } from '../store/pairings.js';
import type { Pairing, RelayState } from '../store/state.js';

/** What a tunnel's ends depend on. */
export interface TunnelFacts {
  /** Octets of the way to the backends. */
  readonly uplinkMtu: number;
  /** Those this machine speaks. */
  readonly families: readonly Family[];
  /** Devices that are there and not ours, by name. */
  readonly devices: RelayEnd['devices'];
}

export interface PairingTunnel {
  /** The relay's device. */
  readonly link: LinkName;
  /** False for one that somebody else made, and uses for other things as well. */
  readonly isOurs: boolean;
  /** Families it carries. */
  readonly families: readonly Family[];
  readonly relay: AddressPair;
  readonly backend: AddressPair;
  /** Octets inside; null while it cannot be known. */
  readonly mtu: number | null;
}

export function pairingTunnel(state: RelayState, pairing: Pairing, facts: TunnelFacts): PairingTunnel {
  const end = relayEnd(state, facts);
  const peer = relayPeer(state, pairing);
  const device = pairing.tunnel.kind === 'external' ? facts.devices[pairing.tunnel.device] : undefined;
  const isOurs = pairing.tunnel.kind !== 'external';
  const own: Partial<Record<Family, IpAddress | null>> = device ?? {};
  return {
    link: relayLinkOf(peer),
    isOurs,
    families: facts.families.filter((family) => isCarried(family, pairing, isOurs, own)),
    relay: withOwn(end.addresses, own),
    backend: backendAddresses(state, pairing),
    mtu: tunnelMtuOf(end, peer),
  };
}

/** Of an external tunnel those families in which both devices have an address; else those the backend speaks. */
function isCarried(
  family: Family,
  pairing: Pairing,
  isOurs: boolean,
  own: Partial<Record<Family, IpAddress | null>>,
): boolean {
  if (isOurs) return family === 'ipv4' || pairing.applied?.ipv6 === true;
  return own[family] != null && pairing.applied?.addresses?.[family] != null;
}

/** At the backend: of the pools, or what its owner's device has. A family without one has the pool's, which nobody uses. */
export function backendAddresses(state: RelayState, pairing: Pairing): AddressPair {
  const reported = pairing.tunnel.kind === 'external' ? pairing.applied?.addresses : null;
  return withOwn(poolAddresses(state, pairing), reported ?? {});
}

function withOwn(pool: AddressPair, own: Partial<Record<Family, string | null>>): AddressPair {
  return {
    ipv4: own.ipv4 == null ? pool.ipv4 : parseIpv4(own.ipv4),
    ipv6: own.ipv6 == null ? pool.ipv6 : parseIpv6(own.ipv6),
  };
}

/** What a backend is told of its tunnel; null while that cannot be known. */
export function tunnelOffer(state: RelayState, pairing: Pairing, facts: TunnelFacts): TunnelOffer | null {
  return tunnelOfferOf(relayEnd(state, facts), relayPeer(state, pairing));
}

export function relayEnd(state: RelayState, { uplinkMtu, families, devices }: TunnelFacts): RelayEnd {
  const { publicKey, privateKey, port } = state.wireguard;
  return {
    addresses: relayTunnelAddresses(state),
    prefixLengths: { ipv4: parsePrefix(state.pool).length, ipv6: parsePrefix(state.pool6).length },
    families,
    uplinkMtu,
    wireguard: { publicKey, privateKey: new Secret(privateKey), port },
    devices,
  };
}

export function relayPeer(state: RelayState, pairing: Pairing, spec: TunnelSpec = pairing.tunnel): RelayPeer {
  return {
    spec,
    index: pairing.index,
    addresses: poolAddresses(state, pairing),
    wireguardPublicKey: pairing.wireguardPublicKey,
    presharedKey: new Secret(pairing.presharedKey),
    outer:
      pairing.outer === null
        ? null
        : { local: parseIp(pairing.outer.local), remote: parseIp(pairing.outer.remote), port: pairing.outer.port },
  };
}
