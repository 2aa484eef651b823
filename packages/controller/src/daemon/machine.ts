/** What the relay knows of its machine from the last look at it: uplink, tunnel MTU, what agents dial. */

import { RelayError } from '@homeward/shared/errors/relay-error';
import type { Runner } from '@homeward/shared/host/runner';
import type { Snapshot } from '@homeward/shared/kernel/snapshot';
import { type Listener, listListeners } from '@homeward/shared/kernel/sockets';
import { findUplink } from '@homeward/shared/kernel/uplink';
import { bracketed, FAMILIES, type Family, type IpAddress } from '@homeward/shared/net/address';
import { RELAY_LINK } from '@homeward/shared/net/allocation';
import { implementationOf } from '@homeward/shared/tunnel/wireguard-link';
import type { Settings } from '../config.js';
import type { TunnelFacts } from '../desired/relay-state.js';
import { type KernelFigures, readFigures } from './figures.js';
import { RELAY_OWNERSHIP, tunnelMtu } from './relay-kernel.js';

export interface Machine {
  /** Replaces what is known by a newer look. */
  sees(snapshot: Snapshot): void;
  tunnelFacts(): TunnelFacts;
  /** Where clients come in; null for a family without an address on the way to the internet. */
  uplinkAddress(family: Family): IpAddress | null;
  /** URLs that agents dial; throws `missing-capability` on a machine without an address that others could dial. */
  endpoints(): readonly string[];
  /** Listening sockets but our own, which are known as what they are. */
  foreignListeners(tunnelPort: number): Promise<Listener[]>;
  figures(): Promise<KernelFigures>;
}

/** `families` are those this machine speaks. */
export function createMachine(
  runner: Runner,
  settings: Settings,
  families: readonly Family[],
  first: Snapshot,
): Machine {
  let last = first;
  const machine: Machine = {
    sees(snapshot) {
      last = snapshot;
    },
    tunnelFacts: () => ({ mtu: tunnelMtu(last), families }),
    uplinkAddress: (family) => findUplink(last, family, RELAY_OWNERSHIP.isLink)?.address ?? null,
    endpoints() {
      if (settings.endpoints.length > 0) return settings.endpoints;
      const addresses = FAMILIES.map(machine.uplinkAddress).filter((address) => address !== null);
      if (addresses.length > 0) return addresses.map((address) => `ws://${bracketed(address)}:${settings.listen.port}`);
      throw new RelayError('missing-capability', 'this machine has no link with an address that others can dial', {
        hint: 'say what agents dial with --endpoint',
      });
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
      return readFigures(runner, { implementation, mtu: link?.mtu ?? tunnelMtu(last) });
    },
  };
  return machine;
}
