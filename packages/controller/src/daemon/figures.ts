/** Figures of the kernel that `status` tells: handshakes and byte counters. */

import { command } from '@homeward/shared/host/command';
import type { Runner } from '@homeward/shared/host/runner';
import { type CountedElement, parseNftSet } from '@homeward/shared/kernel/nft-parse';
import { type ListedWireguard, parseWireguardDump } from '@homeward/shared/kernel/wireguard';
import { RELAY_LINK, RELAY_TABLE } from '@homeward/shared/net/allocation';
import type { WireguardImplementation } from '@homeward/shared/tunnel/wireguard-link';
import { SETS } from '../desired/relay-table.js';

export interface KernelFigures {
  readonly implementation: WireguardImplementation | null;
  readonly mtu: number;
  readonly wireguard: ListedWireguard | null;
  readonly bytesIn: readonly CountedElement[];
  readonly bytesOut: readonly CountedElement[];
}

/** Reads counters and handshakes; what is not there (after `down`) counts as nothing. */
export async function readFigures(
  runner: Runner,
  device: { implementation: WireguardImplementation | null; mtu: number },
): Promise<KernelFigures> {
  const nothing = () => null;
  const set = (name: string) =>
    runner.run(command('nft', ['-j', 'list', 'set', 'inet', RELAY_TABLE, name])).then(parseNftSet, nothing);
  const [dump, bytesIn, bytesOut] = await Promise.all([
    runner.run(command('wg', ['show', RELAY_LINK, 'dump'])).then(parseWireguardDump, nothing),
    set(SETS.bytesIn),
    set(SETS.bytesOut),
  ]);
  return { ...device, wireguard: dump, bytesIn: bytesIn ?? [], bytesOut: bytesOut ?? [] };
}
