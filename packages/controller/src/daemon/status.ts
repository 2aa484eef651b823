/** What `controller status` tells, from the store, the sessions and one look at the kernel. */

import { command } from '@homeward/shared/host/command';
import type { Runner } from '@homeward/shared/host/runner';
import { type CountedElement, parseNftSet } from '@homeward/shared/kernel/nft-parse';
import { type ListedWireguard, parseWireguardDump } from '@homeward/shared/kernel/wireguard';
import { RELAY_LINK, RELAY_TABLE } from '@homeward/shared/net/allocation';
import { parseForward, portMappings } from '@homeward/shared/net/forward-spec';
import { fingerprint } from '@homeward/shared/session/keys';
import type { WireguardImplementation } from '@homeward/shared/tunnel/wireguard-link';
import { SETS } from '../desired/relay-table.js';
import { backendTunnelAddress, relayTunnelAddress } from '../store/pairings.js';
import type { Pairing, RelayState } from '../store/state.js';

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

/** One backend of the status document. */
export function backendStatus(
  state: RelayState,
  pairing: Pairing,
  online: boolean,
  failure: string | null,
  figures: KernelFigures,
  nowMs: number,
): Record<string, unknown> {
  const address = backendTunnelAddress(state, pairing);
  const peer = figures.wireguard?.peers.find((candidate) => candidate.publicKey === pairing.wireguardPublicKey);
  const handshake = peer === undefined || peer.latestHandshake === 0 ? null : peer.latestHandshake;
  return {
    name: pairing.name,
    state: pairing.agentKey === null ? 'waiting' : online ? 'online' : 'offline',
    fingerprint: pairing.agentKey === null ? null : fingerprint(pairing.agentKey),
    tunnel:
      pairing.wireguardPublicKey === null
        ? null
        : {
            kind: 'wireguard',
            implementation: figures.implementation,
            device: RELAY_LINK,
            relayAddress: relayTunnelAddress(state),
            backendAddress: address,
            relayAddress6: null,
            backendAddress6: null,
            mtu: figures.mtu,
            lastHandshakeSeconds: handshake === null ? null : Math.max(0, Math.round(nowMs / 1000) - handshake),
          },
    forwards: pairing.forwards.map((spec) => forwardStatus(spec, pairing, address, failure, figures)),
    proof: pairing.proof,
  };
}

function forwardStatus(
  spec: string,
  pairing: Pairing,
  address: string,
  failure: string | null,
  figures: KernelFigures,
): Record<string, unknown> {
  const refusal = pairing.applied?.refused.find((refused) => refused.spec === spec);
  const applied = pairing.applied?.revision === pairing.revision;
  const reason = refusal?.reason ?? failure;
  const keys = new Set(portMappings(parseForward(spec)).map((m) => `${address} . ${m.transport} . ${m.targetPort}`));
  const sum = (elements: readonly CountedElement[]) =>
    elements.reduce((bytes, element) => (keys.has(element.key) ? bytes + element.bytes : bytes), 0);
  return {
    spec,
    state: reason !== null ? 'failed' : applied ? 'active' : 'pending',
    reason,
    bytesIn: sum(figures.bytesIn),
    bytesOut: sum(figures.bytesOut),
  };
}
