/** Relays as a backend's kernel needs them, and the facts of a machine. */

import type { BackendFacts, RelayTunnel } from '@homeward/agent/desired/backend-state';
import { parseListeners } from '@homeward/shared/kernel/sockets';
import { isSlotLink, slotNumbers } from '@homeward/shared/net/allocation';
import { parseForward } from '@homeward/shared/net/forward-spec';
import { parseIpv4 } from '@homeward/shared/net/ipv4';
import { port } from '@homeward/shared/net/port';
import { Secret } from '@homeward/shared/net/secret';
import { backendTunnel } from '@homeward/shared/tunnel/kinds';
import { snapshotOf } from '../kernel/snapshots.js';
import { offer } from '../store/backend-states.js';

export function tunnel(slot: number, address: string, forwards: readonly string[]): RelayTunnel {
  return {
    slot,
    tunnelAddress: parseIpv4(address),
    resources: backendTunnel(offer(address).tunnel, {
      link: slotNumbers(slot).link,
      wireguard: { publicKey: `PUBLIC-${slot}`, privateKey: new Secret(`PRIVATE-${slot}`) },
      endpointHost: '198.51.100.1',
    }),
    forwards: forwards.map(parseForward),
  };
}

/** A machine on a LAN; `sockets` as `transport local-address:port`. */
export function facts(more: Partial<BackendFacts> & { sockets?: readonly string[] } = {}): BackendFacts {
  const { sockets = [], ...rest } = more;
  const lines = sockets.map((text) => {
    const [transport, local] = text.split(' ');
    return `${transport} X 0 0 ${local} *:* users:(("service",pid=1,fd=1))`;
  });
  return {
    snapshot: snapshotOf({ lo: ['127.0.0.1/8'], eth0: ['192.168.1.2/24'] }, ['default eth0', '192.168.1.0/24 eth0']),
    listeners: parseListeners(lines.join('\n')),
    echoPort: port(40_404),
    guardedLinks: [],
    hasSwitchedForwarding: false,
    isOurLink: isSlotLink,
    ...rest,
  };
}
