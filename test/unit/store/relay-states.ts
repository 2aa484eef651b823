/** Small states of a relay. */

import type { Pairing, RelayState } from '@homeward/controller/store/state';
import type { FreshToken } from '@homeward/controller/store/tokens';
import { parseForward } from '@homeward/shared/net/forward-spec';
import { hashTokenSecret } from '@homeward/shared/session/token';

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
