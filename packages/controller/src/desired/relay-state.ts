/** Everything that should be in a relay's kernel, as one value. Pure. */

import { FORWARDING } from '@homeward/shared/kernel/forwarding-guard';
import { PROBE_RELAY_ADDRESS, RELAY_TABLE } from '@homeward/shared/net/allocation';
import { parseForward, portMappings } from '@homeward/shared/net/forward-spec';
import { parseIpv4Prefix } from '@homeward/shared/net/ipv4';
import { Secret } from '@homeward/shared/net/secret';
import type { TunnelOffer } from '@homeward/shared/protocol/messages';
import { hostState } from '@homeward/shared/state/describe';
import type { HostState, NftElement } from '@homeward/shared/state/resources';
import { TUNNELS } from '@homeward/shared/tunnel/kinds';
import type { RelayEnd, RelayPeer } from '@homeward/shared/tunnel/tunnel-kind';
import { backendTunnelAddress, relayTunnelAddress } from '../store/pairings.js';
import type { Pairing, RelayState } from '../store/state.js';
import { relayTable, SETS } from './relay-table.js';

export interface RelayFacts {
  /** Octets. */
  readonly mtu: number;
  /** Links between which forwarding was off before us. */
  readonly guardedLinks: readonly string[];
  /** TCP ports of the relay's SSH now: where sshd moved to a forwarded port, the operator goes first. */
  readonly sshPorts: readonly number[];
}

/** Ports of the probe's address on the relay that lead to each backend's echo: only the probe has a way there. */
const ECHO_PORT_BASE = 10_000;

/** The port on the relay's probe address that leads to a backend's echo. */
export function echoEntryPort(pairing: Pairing): number {
  return ECHO_PORT_BASE + pairing.index;
}

export function relayHostState(state: RelayState, facts: RelayFacts): HostState {
  const end = relayEnd(state, facts.mtu);
  const peers = state.pairings.map((pairing) => relayPeer(state, pairing));
  return hostState([
    ...TUNNELS.wireguard.relayResources(end, peers),
    { kind: 'sysctl', path: FORWARDING, value: '1' },
    relayTable(facts.guardedLinks),
    ...state.pairings.flatMap((pairing) => forwardElements(state, pairing, facts.sshPorts)),
  ]);
}

/** What a backend is told of its tunnel. */
export function tunnelOffer(state: RelayState, pairing: Pairing, mtu: number): TunnelOffer {
  return TUNNELS[pairing.tunnel].offer(relayEnd(state, mtu), relayPeer(state, pairing));
}

function relayEnd(state: RelayState, mtu: number): RelayEnd {
  const { publicKey, privateKey, port } = state.wireguard;
  return {
    address: relayTunnelAddress(state),
    prefixLength: parseIpv4Prefix(state.pool).length,
    mtu,
    wireguard: { publicKey, privateKey: new Secret(privateKey), port },
  };
}

function relayPeer(state: RelayState, pairing: Pairing): RelayPeer {
  return {
    address: backendTunnelAddress(state, pairing),
    wireguardPublicKey: pairing.wireguardPublicKey,
    presharedKey: new Secret(pairing.presharedKey),
  };
}

/** Nothing for a backend that has not come yet: a connection would hang instead of being refused. */
function forwardElements(state: RelayState, pairing: Pairing, sshPorts: readonly number[]): NftElement[] {
  if (pairing.wireguardPublicKey === null || pairing.applied === null) return [];
  const backend = backendTunnelAddress(state, pairing);
  const { echoPort, refused } = pairing.applied;
  const echo = (['tcp', 'udp'] as const).map((transport) =>
    element(
      SETS.exact,
      `${PROBE_RELAY_ADDRESS} . ${transport} . ${echoEntryPort(pairing)}`,
      `${backend} . ${echoPort}`,
    ),
  );
  const accepted = pairing.forwards.filter((spec) => !refused.some((refusal) => refusal.spec === spec));
  const forwards = accepted.map(parseForward).flatMap((forward) =>
    portMappings(forward).flatMap(({ transport, publicPort, targetPort }) => {
      if (transport === 'tcp' && sshPorts.includes(publicPort)) return [];
      const counted = `${backend} . ${transport} . ${targetPort}`;
      const target = `${backend} . ${targetPort}`;
      return [
        forward.address === null
          ? element(SETS.any, `${transport} . ${publicPort}`, target)
          : element(SETS.exact, `${forward.address} . ${transport} . ${publicPort}`, target),
        element(SETS.bytesIn, counted),
        element(SETS.bytesOut, counted),
      ];
    }),
  );
  return [...echo, ...forwards];
}

function element(set: string, key: string, value: string | null = null): NftElement {
  return { kind: 'nft-element', table: RELAY_TABLE, set, key, value };
}
