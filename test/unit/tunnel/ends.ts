/** Ends of tunnels of every kind, and their resources as lines. */

import { parseIp, parseIpv4, parseIpv6 } from '@homeward/shared/net/address';
import { slotNumbers } from '@homeward/shared/net/allocation';
import { Secret } from '@homeward/shared/net/secret';
import { keyOf, textOf } from '@homeward/shared/state/describe';
import type { Resource } from '@homeward/shared/state/resources';
import type { BackendEnd, OuterEnds, RelayEnd, RelayPeer } from '@homeward/shared/tunnel/tunnel-kind';
import type { TunnelKindName, TunnelSpecOf } from '@homeward/shared/tunnel/tunnel-spec';

export const RELAY: RelayEnd = {
  addresses: { ipv4: parseIpv4('10.77.16.1'), ipv6: parseIpv6('fd77:16::1') },
  prefixLengths: { ipv4: 20, ipv6: 64 },
  families: ['ipv4', 'ipv6'],
  uplinkMtu: 1500,
  wireguard: { privateKey: new Secret('PRIVATE'), publicKey: 'RELAY', port: 51_820 },
  devices: {},
};

/** The backend with that index: its tunnel, and where it is; nowhere yet if not told. */
export function peerOf<Name extends TunnelKindName>(
  index: number,
  spec: TunnelSpecOf<Name>,
  outer: OuterEnds | null = null,
): RelayPeer<Name> {
  return {
    ...{ spec, index, outer },
    addresses: { ipv4: parseIpv4(`10.77.16.${index + 1}`), ipv6: parseIpv6(`fd77:16::${index + 1}`) },
    wireguardPublicKey: `WG-${index}`,
    presharedKey: new Secret('SHARED'),
  };
}

/** Between the relay's address and the backend's, whose packets come from `port`. */
export function outerEnds(local: string, remote: string, port: number | null = null): OuterEnds {
  return { local: parseIp(local), remote: parseIp(remote), port };
}

/** The backend's end in a slot, for a relay at that address. */
export function backendEnd(slot: number, endpointHost: string, localHost: string | null = null): BackendEnd {
  const wireguard = { privateKey: new Secret('OWN'), publicKey: 'HOME' };
  return { slot, link: slotNumbers(slot).link, wireguard, endpointHost, localHost };
}

export const lines = (resources: readonly Resource[]): string[] =>
  resources.map((resource) => `${keyOf(resource)} ${textOf(resource)}`.trimEnd());
