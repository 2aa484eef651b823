/** Everything that should be in a relay's kernel, as one value. Pure. */

import { type ForwardingFacts, forwardingSysctls } from '@homeward/shared/kernel/forwarding';
import type { Family } from '@homeward/shared/net/address';
import { PROBE } from '@homeward/shared/net/allocation';
import { type Forward, TRANSPORTS } from '@homeward/shared/net/forward-spec';
import { parsePrefix } from '@homeward/shared/net/prefix';
import { Secret } from '@homeward/shared/net/secret';
import type { TunnelOffer } from '@homeward/shared/protocol/messages';
import { type ItemMemory, NO_MEMORY, type Remember } from '@homeward/shared/reconcile/plan-memory';
import { hostState } from '@homeward/shared/state/host-state';
import type { HostState, NftElement } from '@homeward/shared/state/resources';
import { TUNNELS } from '@homeward/shared/tunnel/kinds';
import type { RelayEnd, RelayPeer } from '@homeward/shared/tunnel/tunnel-kind';
import { backendTunnelAddresses, relayTunnelAddresses } from '../store/pairings.js';
import type { Pairing, RelayState } from '../store/state.js';
import { forwardElements } from './forward-elements.js';
import { relayElement, SETS } from './relay-sets.js';
import { relayTable } from './relay-table.js';

/** What a tunnel's ends depend on. */
export interface TunnelFacts {
  /** Octets. */
  readonly mtu: number;
  /** Those this machine speaks. */
  readonly families: readonly Family[];
}

export interface RelayFacts extends TunnelFacts {
  readonly forwarding: ForwardingFacts;
  /** TCP ports of the relay's SSH now: where sshd moved to a forwarded port, the operator goes first. */
  readonly sshPorts: readonly number[];
}

/** Ports of the probe's address on the relay that lead to each backend's echo: only the probe has a way there. */
const ECHO_PORT_BASE = 10_000;

/** The port on the relay's probe address that leads to a backend's echo. */
export function echoEntryPort(pairing: Pairing): number {
  return ECHO_PORT_BASE + pairing.index;
}

/** `memory` saves planning what did not change of many forwards. */
export function relayHostState(
  state: RelayState,
  facts: RelayFacts,
  memory: ItemMemory<Forward, readonly NftElement[]> = NO_MEMORY,
): HostState {
  const end = relayEnd(state, facts);
  const peers = state.pairings.map((pairing) => relayPeer(state, pairing));
  return hostState([
    ...TUNNELS.wireguard.relayResources(end, peers),
    ...facts.families.flatMap((family) => forwardingSysctls(family, facts.forwarding)),
    relayTable(facts.forwarding.guarded),
    ...memory.gather(state.pairings.flatMap((pairing) => pairingElements(state, pairing, facts, memory.remember))),
  ]);
}

/** What a backend is told of its tunnel. */
export function tunnelOffer(state: RelayState, pairing: Pairing, facts: TunnelFacts): TunnelOffer {
  return TUNNELS[pairing.tunnel].offer(relayEnd(state, facts), relayPeer(state, pairing));
}

function relayEnd(state: RelayState, { mtu, families }: TunnelFacts): RelayEnd {
  const { publicKey, privateKey, port } = state.wireguard;
  return {
    addresses: relayTunnelAddresses(state),
    prefixLengths: { ipv4: parsePrefix(state.pool).length, ipv6: parsePrefix(state.pool6).length },
    families,
    mtu,
    wireguard: { publicKey, privateKey: new Secret(privateKey), port },
  };
}

function relayPeer(state: RelayState, pairing: Pairing): RelayPeer {
  return {
    addresses: backendTunnelAddresses(state, pairing),
    wireguardPublicKey: pairing.wireguardPublicKey,
    presharedKey: new Secret(pairing.presharedKey),
  };
}

/** A list for each forward, and what changes more often behind them. Nothing for a backend that has not come yet: a connection would hang instead of being refused. */
function pairingElements(
  state: RelayState,
  pairing: Pairing,
  facts: RelayFacts,
  remember: Remember<Forward, readonly NftElement[]>,
): (readonly NftElement[])[] {
  if (pairing.wireguardPublicKey === null || pairing.applied === null) return [];
  const backend = backendTunnelAddresses(state, pairing);
  const { echoPort, refused, ipv6 } = pairing.applied;
  const families = facts.families.filter((family) => family === 'ipv4' || ipv6);
  const echo = families.flatMap((family) =>
    TRANSPORTS.map((transport) =>
      relayElement(
        SETS[family].exact,
        `${PROBE[family].relay} . ${transport} . ${echoEntryPort(pairing)}`,
        `${backend[family]} . ${echoPort}`,
      ),
    ),
  );
  const unwanted = new Set(refused.map(({ spec }) => spec));
  const accepted = pairing.forwards.filter(({ spec }) => !unwanted.has(spec));
  return [...forwardElements(accepted, { backend, families, spared: facts.sshPorts }, remember), echo];
}
