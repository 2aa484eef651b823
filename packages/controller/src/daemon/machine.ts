/** What the relay knows of its machine from the last look at it: uplink, tunnel MTU, what agents dial. */

import { RelayError } from '@homeward/shared/errors/relay-error';
import type { Runner } from '@homeward/shared/host/runner';
import type { Snapshot } from '@homeward/shared/kernel/snapshot';
import { type Listener, listListeners } from '@homeward/shared/kernel/sockets';
import { findUplink, globalAddresses, isBehind } from '@homeward/shared/kernel/uplink';
import { bracketed, FAMILIES, type Family, type IpAddress } from '@homeward/shared/net/address';
import { isPrivateIpv4 } from '@homeward/shared/net/prefix';
import { DEFAULT_CONFIG_FILE, type Settings } from '../config.js';
import type { TunnelFacts } from '../desired/pairing-tunnel.js';
import { type KernelFigures, readFigures } from './figures.js';
import { foreignDevices, RELAY_OWNERSHIP, uplinkMtu } from './relay-kernel.js';

export interface Machine {
  /** Replaces what is known by a newer look. */
  sees(snapshot: Snapshot): void;
  tunnelFacts(): TunnelFacts;
  /** Where clients come in; null for a family without an address on the way to the internet. */
  uplinkAddress(family: Family): IpAddress | null;
  /** What clients can dial, as far as this machine knows: the addresses of all links but ours. */
  addresses(): readonly IpAddress[];
  /** URLs that agents dial; throws `missing-capability` on a machine without an address that others could dial. */
  endpoints(): readonly string[];
  /** What is wrong with these URLs where a backend is elsewhere, and what to do about it; null where nothing is known to be. */
  endpointsProblem(): string | null;
  /** Whether what is sent to the address leaves by that device: only a backend behind it can have it. */
  isBehind(device: string, address: IpAddress): boolean;
  /** Listening sockets but our own, which are known as what they are. */
  foreignListeners(tunnelPorts: readonly number[]): Promise<Listener[]>;
  figures(): Promise<KernelFigures>;
}

/** `families` are those this machine speaks. */
export function createMachine(
  runner: Runner,
  settings: Settings,
  families: readonly Family[],
  first: Snapshot,
): Machine {
  const factsIn = (snapshot: Snapshot): TunnelFacts => ({
    uplinkMtu: uplinkMtu(snapshot),
    families,
    devices: foreignDevices(snapshot, () => true),
  });
  let last = first;
  let tunnelFacts = factsIn(first);
  const machine: Machine = {
    sees(snapshot) {
      last = snapshot;
      tunnelFacts = factsIn(snapshot);
    },
    tunnelFacts: () => tunnelFacts,
    uplinkAddress: (family) => findUplink(last, family, RELAY_OWNERSHIP.isLink)?.address ?? null,
    addresses: () =>
      last.links
        .filter(({ name }) => !RELAY_OWNERSHIP.isLink(name))
        .flatMap((link) => FAMILIES.flatMap((family) => globalAddresses(link, family))),
    endpoints() {
      if (settings.endpoints.length > 0) return settings.endpoints;
      const addresses = FAMILIES.map(machine.uplinkAddress).filter((address) => address !== null);
      if (addresses.length > 0) return addresses.map((address) => `ws://${bracketed(address)}:${settings.listen.port}`);
      throw new RelayError('missing-capability', 'this machine has no link with an address that others can dial', {
        hint: 'say what agents dial with --endpoint',
      });
    },
    endpointsProblem() {
      const address = settings.endpoints.length > 0 ? null : machine.uplinkAddress('ipv4');
      if (address === null || !isPrivateIpv4(address)) return null;
      return `${address} is a private address: where a cloud maps a public one to it, start the controller with --endpoint and that one, or name it in "endpoints" of ${DEFAULT_CONFIG_FILE}`;
    },
    isBehind: (device, address) => isBehind(last, device, address),
    async foreignListeners(tunnelPorts) {
      const listeners = await listListeners(runner);
      return listeners.filter(({ transport, port }) =>
        transport === 'udp' ? !tunnelPorts.includes(port) : port !== settings.listen.port,
      );
    },
    figures: () => readFigures(runner, last.links),
  };
  return machine;
}
