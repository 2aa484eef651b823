/** Small states of a backend. */

import type { AcceptedOffer, BackendState, RelayRecord } from '@homeward/agent/store/state';
import { parseIpv6 } from '@homeward/shared/net/address';
import type { Offer } from '@homeward/shared/protocol/messages';

const KEY = `${'A'.repeat(43)}=`;

/** `backendAddress` is the tunnel's IPv4 address at the backend, `backendAddress6` its IPv6 one. */
export function offer(
  backendAddress = '10.77.16.2',
  forwards: readonly string[] = [],
  backendAddress6 = 'fd77:16::2',
): Offer {
  return {
    type: 'offer',
    revision: 1,
    tunnel: {
      kind: 'wireguard',
      relayPublicKey: KEY,
      presharedKey: KEY,
      endpointPort: 51_820,
      relayAddress: '10.77.16.1',
      backendAddress,
      relayAddress6: parseIpv6('fd77:16::1'),
      backendAddress6: parseIpv6(backendAddress6),
      mtu: 1420,
    },
    forwards: [...forwards],
  };
}

/** The same tunnel addresses by GRE. */
export function greOffer(
  backendAddress = '10.77.16.2',
  udpPort: number | null = null,
  key: number | null = null,
): Offer {
  const { relayAddress6, backendAddress6 } = {
    relayAddress6: parseIpv6('fd77:16::1'),
    backendAddress6: parseIpv6('fd77:16::2'),
  };
  return {
    ...offer(backendAddress),
    tunnel: {
      ...{ kind: 'gre', relayAddress: '10.77.16.1', backendAddress, relayAddress6, backendAddress6 },
      ...{ key, udpPort, mtu: 1464 },
    },
  };
}

/** By a device that both owners named; the relay's addresses on its own one. */
export function externalOffer(
  relayAddress: string | null,
  relayAddress6: string | null,
  forwards: readonly string[] = [],
): Offer {
  const six = relayAddress6 === null ? null : parseIpv6(relayAddress6);
  return { ...offer('', forwards), tunnel: { kind: 'external', relayAddress, relayAddress6: six } };
}

export function accepted(
  backendAddress?: string,
  forwards?: readonly string[],
  backendAddress6?: string,
): AcceptedOffer {
  return { offer: offer(backendAddress, forwards, backendAddress6), endpointHost: '198.51.100.1' };
}

export function relay(slot: number, controllerKey: string, more: Partial<RelayRecord> = {}): RelayRecord {
  return {
    slot,
    name: 'home',
    controllerKey,
    tokenId: `token-${controllerKey}`,
    urls: ['ws://198.51.100.1:7700'],
    wireguard: { publicKey: `PUBLIC-${slot}`, privateKey: `PRIVATE-${slot}` },
    device: null,
    accepted: null,
    fallback: null,
    revoked: false,
    ...more,
  };
}

export function backendStateOf(...relays: readonly RelayRecord[]): BackendState {
  return { version: 1, identity: { publicKey: 'ID', secretKey: 'ID-SECRET' }, echoPort: 40_404, relays: [...relays] };
}
