/** Relays as a backend's kernel needs them, and the facts of a machine. */

import type { BackendFacts, RelayTunnel } from '@homeward/agent/desired/backend-state';
import { sourceQuestions } from '@homeward/agent/desired/source-addresses';
import type { Snapshot } from '@homeward/shared/kernel/snapshot';
import { type Listener, parseListeners } from '@homeward/shared/kernel/sockets';
import { NO_UFW } from '@homeward/shared/kernel/ufw';
import { type AddressPair, FAMILIES, type Family, type IpAddress, parseIp } from '@homeward/shared/net/address';
import { isSlotLink, slotNumbers } from '@homeward/shared/net/allocation';
import { parseForward } from '@homeward/shared/net/forward-spec';
import { parseLinkName } from '@homeward/shared/net/names';
import { port } from '@homeward/shared/net/port';
import { addressAt, parseIpv4Prefix, parseIpv6Prefix, parsePrefix } from '@homeward/shared/net/prefix';
import { Secret } from '@homeward/shared/net/secret';
import { backendTunnel } from '@homeward/shared/tunnel/kinds';
import { snapshotOf } from '../kernel/snapshots.js';
import { offer } from '../store/backend-states.js';

/** The tunnel addresses of slot `n` in these tests: number n + 1 of the pools. */
export function tunnelAddresses(slot: number): AddressPair {
  return {
    ipv4: addressAt(parseIpv4Prefix('10.77.16.0/20'), slot + 1),
    ipv6: addressAt(parseIpv6Prefix('fd77:16::/64'), slot + 1),
  };
}

export function tunnel(slot: number, forwards: readonly string[]): RelayTunnel {
  const addresses = tunnelAddresses(slot);
  const { link } = slotNumbers(slot);
  return {
    slot,
    link,
    tunnelAddresses: addresses,
    shared: null,
    resources: backendTunnel(offer(addresses.ipv4, [], addresses.ipv6).tunnel, {
      slot,
      link,
      wireguard: { publicKey: `PUBLIC-${slot}`, privateKey: new Secret(`PRIVATE-${slot}`) },
      endpointHost: '198.51.100.1',
      localHost: null,
    }),
    forwards: forwards.map(parseForward),
  };
}

/** The same by a device that the owner named, with these addresses; the relay's neighbourhood is 10.8.0.0/24. */
export function sharedTunnel(
  slot: number,
  device: string,
  addresses: Partial<AddressPair>,
  forwards: string[],
): RelayTunnel {
  return {
    ...{ slot, link: parseLinkName(device), tunnelAddresses: addresses, resources: [] },
    shared: { gateways: {}, neighbours: [parsePrefix('10.8.0.0/24')] },
    forwards: forwards.map(parseForward),
  };
}

/** Sockets by `transport local-address:port`. */
export function socketsAt(places: readonly string[]): Listener[] {
  const lines = places.map((text) => {
    const [transport, local] = text.split(' ');
    return `${transport} X 0 0 ${local} *:* users:(("service",pid=1,fd=1))`;
  });
  return parseListeners(lines.join('\n'));
}

/** A machine on a LAN with both families, whose kernel answers every client from the LAN's address. */
export const LAN: Snapshot = snapshotOf({ lo: ['127.0.0.1/8', '::1/128'], eth0: ['192.168.1.2/24', 'fd00:1::2/64'] }, [
  'default eth0',
  '192.168.1.0/24 eth0',
  'default6 eth0',
  'fd00:1::/64 eth0',
]);

/** The kernel's choice for whatever is asked: these addresses; a family without one has no route. */
export function chosenSources(
  snapshot: Snapshot,
  addresses: Readonly<Partial<Record<Family, string>>>,
): ReadonlyMap<IpAddress, IpAddress> {
  return new Map(
    FAMILIES.flatMap((family) => {
      const address = addresses[family];
      if (address === undefined) return [];
      return sourceQuestions(snapshot, family, isSlotLink).map(({ destination }) => [destination, parseIp(address)]);
    }),
  );
}

/** The facts of {@link LAN}; `sockets` as `transport local-address:port`. */
export function facts(more: Partial<BackendFacts> & { sockets?: readonly string[] } = {}): BackendFacts {
  const { sockets = [], ...rest } = more;
  return {
    snapshot: LAN,
    listeners: socketsAt(sockets),
    families: FAMILIES,
    sources: chosenSources(rest.snapshot ?? LAN, { ipv4: '192.168.1.2', ipv6: 'fd00:1::2' }),
    echoPort: port(40_404),
    forwarding: { guarded: { ipv4: [], ipv6: [] }, advertised: [], switched: [] },
    docker: [],
    ufw: NO_UFW,
    firewalld: null,
    isOurLink: isSlotLink,
    ...rest,
  };
}
