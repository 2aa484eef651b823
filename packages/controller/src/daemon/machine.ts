/** What the relay knows of its machine from the last look at it: uplink, tunnel MTU, what agents dial. */

import { RelayError } from '@homeward/shared/errors/relay-error';
import type { Runner } from '@homeward/shared/host/runner';
import type { Snapshot } from '@homeward/shared/kernel/snapshot';
import { type Listener, listListeners } from '@homeward/shared/kernel/sockets';
import { findUplink } from '@homeward/shared/kernel/uplink';
import { RELAY_LINK } from '@homeward/shared/net/allocation';
import type { Ipv4Address } from '@homeward/shared/net/ipv4';
import { implementationOf } from '@homeward/shared/tunnel/wireguard-link';
import type { Settings } from '../config.js';
import { type KernelFigures, readFigures } from './figures.js';
import { RELAY_OWNERSHIP, tunnelMtu } from './relay-kernel.js';

export interface Machine {
  /** Replaces what is known by a newer look. */
  sees(snapshot: Snapshot): void;
  /** Octets. */
  mtu(): number;
  /** Throws `missing-capability` on a machine without an IPv4 address. */
  uplinkAddress(): Ipv4Address;
  /** URLs that agents dial; throws as `uplinkAddress`. */
  endpoints(): readonly string[];
  /** Listening sockets but our own, which are known as what they are. */
  foreignListeners(tunnelPort: number): Promise<Listener[]>;
  figures(): Promise<KernelFigures>;
}

export function createMachine(runner: Runner, settings: Settings, first: Snapshot): Machine {
  let last = first;
  const machine: Machine = {
    sees(snapshot) {
      last = snapshot;
    },
    mtu: () => tunnelMtu(last),
    uplinkAddress() {
      const uplink = findUplink(last, RELAY_OWNERSHIP.isLink);
      if (uplink !== null) return uplink.address;
      throw new RelayError('missing-capability', 'this machine has no link with an IPv4 address', {
        hint: 'say what agents dial with --endpoint',
      });
    },
    endpoints() {
      if (settings.endpoints.length > 0) return settings.endpoints;
      return [`ws://${machine.uplinkAddress()}:${settings.listen.port}`];
    },
    async foreignListeners(tunnelPort) {
      const listeners = await listListeners(runner);
      return listeners.filter(
        ({ transport, port }) => port !== (transport === 'udp' ? tunnelPort : settings.listen.port),
      );
    },
    figures() {
      const link = last.links.find((candidate) => candidate.name === RELAY_LINK);
      const implementation = link === undefined ? null : implementationOf(link);
      return readFigures(runner, { implementation, mtu: link?.mtu ?? machine.mtu() });
    },
  };
  return machine;
}
