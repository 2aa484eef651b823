/** Changes of the pairings, each a pure function from state to state. */

import { RelayError } from '@homeward/shared/errors/relay-error';
import type { AddressPair } from '@homeward/shared/net/address';
import { RELAY_FOU_PORT } from '@homeward/shared/net/allocation';
import type { Forward } from '@homeward/shared/net/forward-spec';
import { addressAt, parseIpv4Prefix, parseIpv6Prefix } from '@homeward/shared/net/prefix';
import type { TunnelSpec } from '@homeward/shared/tunnel/tunnel-spec';
import type { Pairing, RelayState } from './state.js';

/** The pairing of that name; throws `not-found` listing those there are. */
export function pairingNamed(state: RelayState, name: string): Pairing {
  const found = state.pairings.find((pairing) => pairing.name === name);
  if (found !== undefined) return found;
  const names = state.pairings.map((pairing) => pairing.name);
  throw new RelayError('not-found', `there is no backend named "${name}"`, {
    hint: names.length === 0 ? `pair one: controller pair ${name}` : `paired are: ${names.join(', ')}`,
  });
}

/** Puts a changed pairing in the place of the one with its name. */
export function withPairing(state: RelayState, changed: Pairing): RelayState {
  return {
    ...state,
    pairings: state.pairings.map((pairing) => (pairing.name === changed.name ? changed : pairing)),
  };
}

/** A new pairing that waits for its backend, at the lowest free index. */
export function addPairing(
  state: RelayState,
  name: string,
  presharedKey: string,
  tunnel: TunnelSpec = { kind: 'wireguard' },
): RelayState {
  const taken = new Set(state.pairings.map((pairing) => pairing.index));
  let index = 1;
  while (taken.has(index)) index += 1;
  const pool = parseIpv4Prefix(state.pool);
  // The network's own address, the relay's and the broadcast address are not for backends.
  if (index > 2 ** (32 - pool.length) - 3) {
    throw new RelayError('conflict', `the pool ${state.pool} has no address left for another backend`, {
      hint: 'unpair one, or start with a larger --pool',
    });
  }
  const pairing: Pairing = {
    name,
    index,
    tunnel,
    fallback: null,
    outer: null,
    agentKey: null,
    wireguardPublicKey: null,
    presharedKey,
    forwards: [],
    revision: 1,
    applied: null,
    proof: null,
  };
  return { ...state, pairings: [...state.pairings, pairing] };
}

/** The lowest `PREFIX-N`, counted from 1, that no backend has. */
export function freeBackendName(state: RelayState, prefix: string): string {
  const taken = new Set(state.pairings.map((pairing) => pairing.name));
  let number = 1;
  while (taken.has(`${prefix}-${number}`)) number += 1;
  return `${prefix}-${number}`;
}

/**
 * Gives a pairing another name; everything else of it stays, and tokens for the old name are for the new one. The same
 * state for the name it has. Throws `not-found`, or `conflict` for a name that is taken.
 */
export function renamePairing(state: RelayState, from: string, to: string): RelayState {
  const pairing = pairingNamed(state, from);
  if (from === to) return state;
  if (state.pairings.some((other) => other.name === to)) {
    throw new RelayError('conflict', `there is a backend named "${to}" already`, {
      hint: `choose another name, or rename that one first: controller rename ${to} NEW-NAME`,
    });
  }
  return {
    ...state,
    pairings: state.pairings.map((other) => (other === pairing ? { ...pairing, name: to } : other)),
    tokens: state.tokens.map((token) => (token.name === from ? { ...token, name: to } : token)),
  };
}

/** Sets the forwards and counts up the revision. */
export function withForwards(state: RelayState, name: string, forwards: readonly Forward[]): RelayState {
  const pairing = pairingNamed(state, name);
  return withPairing(state, { ...pairing, forwards: [...forwards], revision: pairing.revision + 1 });
}

/** Forgets the pairing and its tokens; its agent's key is remembered as revoked. */
export function removePairing(state: RelayState, name: string, at: string): RelayState {
  const pairing = pairingNamed(state, name);
  const others = state.revoked.filter((entry) => entry.agentKey !== pairing.agentKey);
  return {
    ...state,
    pairings: state.pairings.filter((other) => other.name !== name),
    tokens: state.tokens.filter((token) => token.name !== name),
    revoked: pairing.agentKey === null ? state.revoked : [...others, { agentKey: pairing.agentKey, name, at }],
  };
}

/** UDP ports at which this relay takes packets of its tunnels. */
export function tunnelPorts({ wireguard, pairings }: RelayState): number[] {
  const specs = pairings.flatMap(({ tunnel, fallback }) => (fallback === null ? [tunnel] : [tunnel, fallback.tunnel]));
  return [wireguard.port, ...(specs.some((spec) => spec.kind === 'gre' && spec.udp) ? [RELAY_FOU_PORT] : [])];
}

/** The relay's own addresses in the tunnel: the first of the pools. */
export function relayTunnelAddresses(state: RelayState): AddressPair {
  return addressesAt(state, 1);
}

/** A backend's addresses in the pools. */
export function poolAddresses(state: RelayState, pairing: Pairing): AddressPair {
  return addressesAt(state, pairing.index + 1);
}

function addressesAt({ pool, pool6 }: RelayState, position: number): AddressPair {
  return {
    ipv4: addressAt(parseIpv4Prefix(pool), position),
    ipv6: addressAt(parseIpv6Prefix(pool6), position),
  };
}
