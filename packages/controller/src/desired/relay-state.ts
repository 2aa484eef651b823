/** Everything that should be in a relay's kernel, as one value. Pure. */

import { PROBE_RELAY_ADDRESS, RELAY_LINK, RELAY_TABLE } from '@homeward/shared/net/allocation';
import { parseForward, portMappings } from '@homeward/shared/net/forward-spec';
import { parseIpv4Prefix } from '@homeward/shared/net/ipv4';
import { Secret } from '@homeward/shared/net/secret';
import { hostState } from '@homeward/shared/state/describe';
import type { HostState, NftElement, WireguardPeer } from '@homeward/shared/state/resources';
import { backendTunnelAddress, relayTunnelAddress } from '../store/pairings.js';
import type { Pairing, RelayState } from '../store/state.js';
import { relayTable, SETS } from './relay-table.js';

export interface RelayFacts {
  /** Octets. */
  readonly mtu: number;
  /** Links between which forwarding was off before us. */
  readonly guardedLinks: readonly string[];
}

/** Ports of the probe's address on the relay that lead to each backend's echo: only the probe has a way there. */
const ECHO_PORT_BASE = 10_000;

/** The port on the relay's probe address that leads to a backend's echo. */
export function echoEntryPort(pairing: Pairing): number {
  return ECHO_PORT_BASE + pairing.index;
}

export function relayHostState(state: RelayState, facts: RelayFacts): HostState {
  const address = relayTunnelAddress(state);
  return hostState([
    { kind: 'link', name: RELAY_LINK, type: 'wireguard', mtu: facts.mtu, up: true },
    {
      kind: 'wireguard-device',
      link: RELAY_LINK,
      privateKey: new Secret(state.wireguard.privateKey),
      publicKey: state.wireguard.publicKey,
      listenPort: state.wireguard.port,
      peers: state.pairings.flatMap((pairing) => peer(state, pairing)),
    },
    { kind: 'address', link: RELAY_LINK, address, prefixLength: parseIpv4Prefix(state.pool).length },
    { kind: 'sysctl', path: 'net/ipv4/ip_forward', value: '1' },
    relayTable(facts.guardedLinks),
    ...state.pairings.flatMap((pairing) => forwardElements(state, pairing)),
  ]);
}

/** AllowedIPs is the backend's own address and nothing more: a compromised agent can speak for itself only. */
function peer(state: RelayState, pairing: Pairing): WireguardPeer[] {
  if (pairing.wireguardPublicKey === null) return [];
  return [
    {
      publicKey: pairing.wireguardPublicKey,
      presharedKey: new Secret(pairing.presharedKey),
      allowedIps: [`${backendTunnelAddress(state, pairing)}/32`],
      endpoint: null,
      keepaliveSeconds: null,
    },
  ];
}

/** Nothing for a backend that has not come yet: a connection would hang instead of being refused. */
function forwardElements(state: RelayState, pairing: Pairing): NftElement[] {
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
