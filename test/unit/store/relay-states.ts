/** Small states of a relay. */

import type { Pairing, RelayState } from '@homeward/controller/store/state';
import type { FreshToken } from '@homeward/controller/store/tokens';
import { parseForward } from '@homeward/shared/net/forward-spec';
import { hashTokenSecret } from '@homeward/shared/session/token';
import type { TunnelSpec, TunnelSpecOf } from '@homeward/shared/tunnel/tunnel-spec';

export const NOW = new Date('2026-01-01T00:00:00.000Z');
export const SECRET = new Uint8Array(32).fill(7);

export function pairing(name: string, index: number, more: Partial<Pairing> = {}): Pairing {
  return {
    name,
    index,
    tunnel: { kind: 'wireguard' },
    fallback: null,
    outer: null,
    agentKey: null,
    wireguardPublicKey: null,
    presharedKey: 'SHARED',
    forwards: [],
    revision: 1,
    applied: null,
    proof: null,
    ...more,
  };
}

/** A pairing whose backend came, speaks both families, and applied everything. */
export function paired(name: string, index: number, forwards: readonly string[]): Pairing {
  return pairing(name, index, {
    agentKey: `KEY-${name}`,
    wireguardPublicKey: `WG-${name}`,
    forwards: forwards.map(parseForward),
    applied: {
      ...{ revision: 1, refused: [], device: 'hw1', implementation: 'kernel', addresses: null, ipv6: true },
      echoPort: 40_404,
    },
  });
}

/** What a pairing by GRE goes back to: the tunnel that its services ran through. */
export function fallbackTo(tunnel: TunnelSpec, applied: Pairing['applied'] = null): NonNullable<Pairing['fallback']> {
  return { tunnel, applied, change: `change-to-${tunnel.kind}`, confirmMs: 30_000 };
}

/** The same by GRE, from 203.0.113.9 to the relay's 198.51.100.1. */
export function throughGre(
  pairing: Pairing,
  gre: Partial<TunnelSpecOf<'gre'>> = {},
  port: number | null = null,
): Pairing {
  const outer = { local: '198.51.100.1', remote: '203.0.113.9', port };
  return { ...pairing, tunnel: { kind: 'gre', udp: false, key: null, ...gre }, outer };
}

/** The same by a device of the relay's owner; the backend has said what addresses it has on its own one. */
export function throughDevice(
  pairing: Pairing,
  device: string,
  addresses: { readonly ipv4: string | null; readonly ipv6: string | null },
): Pairing {
  const applied =
    pairing.applied === null ? null : { ...pairing.applied, device: 'tun0', implementation: null, addresses };
  return { ...pairing, tunnel: { kind: 'external', device }, applied };
}

export function relayState(pairings: readonly Pairing[] = [], more: Partial<RelayState> = {}): RelayState {
  return {
    version: 1,
    identity: { publicKey: 'ID', secretKey: 'ID-SECRET' },
    wireguard: { publicKey: 'WG', privateKey: 'WG-PRIVATE', port: 51_820 },
    pool: '10.77.16.0/20',
    pool6: 'fd77:16::/64',
    pairings: [...pairings],
    tokens: [],
    revoked: [],
    ...more,
  };
}

/** What `addToken` takes for a token of that id with {@link SECRET}, good for an hour. */
export function tokenFor(name: string, id = 'token-1'): FreshToken {
  return {
    id,
    name,
    namePrefix: null,
    uses: 1,
    secretHash: hashTokenSecret(SECRET),
    createdAt: NOW.toISOString(),
    expiresAt: new Date(NOW.getTime() + 3_600_000).toISOString(),
  };
}

/** The same for several backends, each called PREFIX-N. */
export function prefixTokenFor(namePrefix: string, uses: number, id = 'token-1'): FreshToken {
  return { ...tokenFor('', id), name: null, namePrefix, uses };
}
