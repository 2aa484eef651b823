/** Everything that should be in a relay's kernel, as one value. Pure. */

import type { Firewalls } from '@homeward/shared/kernel/firewalls';
import { type ForwardingFacts, forwardingSysctls } from '@homeward/shared/kernel/forwarding';
import { isIpv4 } from '@homeward/shared/net/address';
import { PROBE, RELAY_LINK } from '@homeward/shared/net/allocation';
import { type Forward, isWhole } from '@homeward/shared/net/forward-spec';
import type { LinkName } from '@homeward/shared/net/names';
import { TRANSPORTS } from '@homeward/shared/net/transport';
import { type ItemMemory, NO_MEMORY, type Remember } from '@homeward/shared/reconcile/plan-memory';
import { hostState } from '@homeward/shared/state/host-state';
import type { HostState, NftElement } from '@homeward/shared/state/resources';
import { relayLinkOf, relayTunnels } from '@homeward/shared/tunnel/kinds';
import type { RelayPeer } from '@homeward/shared/tunnel/tunnel-kind';
import { tunnelPorts } from '../store/pairings.js';
import type { Pairing, RelayState } from '../store/state.js';
import { formerTunnel } from '../store/tunnel-changes.js';
import { type Doors, relayAllowances } from './allowances.js';
import { forwardElements } from './forward-elements.js';
import { type PairingTunnel, pairingTunnel, relayEnd, relayPeer, type TunnelFacts } from './pairing-tunnel.js';
import { COMMON_SETS, relayElement, SETS } from './relay-sets.js';
import { type MappedPeer, relayTable } from './relay-table.js';
import { type OwnPorts, resetRules } from './reset-rules.js';
import { keptElements, type OwnDoor } from './whole-host.js';

export interface RelayFacts extends TunnelFacts, OwnPorts, Firewalls, Pick<Doors, 'control' | 'uplinks'> {
  readonly forwarding: ForwardingFacts;
  /** TCP ports of the relay's SSH now: where sshd moved to a forwarded port, the operator goes first. */
  readonly sshPorts: readonly number[];
  /** What `all` leaves to the relay; empty where there is none, since it changes often. */
  readonly doors: readonly OwnDoor[];
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
  const peers = state.pairings.flatMap((pairing) => peersOf(state, pairing));
  const led = state.pairings.flatMap((pairing) => ledTunnel(state, pairing, facts));
  return hostState([
    ...relayTunnels(relayEnd(state, facts), peers),
    ...facts.families.flatMap((family) => forwardingSysctls(family, facts.forwarding)),
    ...resetRules(
      led.map(({ pairing, tunnel }) => ({ forwards: acceptedForwards(pairing), families: tunnel.families })),
      facts,
    ),
    ...relayAllowances(
      led.map(({ tunnel }) => tunnel),
      ownLinks(peers),
      { control: facts.control, tunnelPorts: tunnelPorts(state), peers, uplinks: facts.uplinks },
      facts,
    ),
    relayTable(facts.forwarding.guarded, state.pairings.flatMap(mappedPeer)),
    ...memory.gather([
      ...led.flatMap((one) => pairingElements(one, facts, memory.remember)),
      keptBeside(state, led, facts),
      linkElements(
        peers,
        led.map(({ tunnel }) => tunnel),
      ),
    ]),
  ]);
}

/** WireGuard that is gone back to if the new tunnel fails stays, since its handshake would take time; a GRE link's route would go before the new one's. */
function peersOf(state: RelayState, pairing: Pairing): RelayPeer[] {
  const former = formerTunnel(pairing);
  const kept = former?.kind === 'wireguard' ? [relayPeer(state, pairing, former)] : [];
  return [relayPeer(state, pairing), ...kept];
}

/** A pairing that clients are led to, with its tunnel. */
interface LedPairing {
  readonly pairing: Pairing & { readonly applied: NonNullable<Pairing['applied']> };
  readonly tunnel: PairingTunnel;
}

/** None for a backend that has not come yet, or whose device is away: a connection would hang instead of being refused. */
function ledTunnel(state: RelayState, pairing: Pairing, facts: RelayFacts): LedPairing[] {
  const { applied } = pairing;
  if (pairing.wireguardPublicKey === null || applied === null) return [];
  const tunnel = pairingTunnel(state, pairing, facts);
  return tunnel.families.length === 0 ? [] : [{ pairing: { ...pairing, applied }, tunnel }];
}

function acceptedForwards({ forwards, applied }: LedPairing['pairing']): readonly Forward[] {
  if (applied.refused.length === 0) return forwards;
  const unwanted = new Set(applied.refused.map(({ spec }) => spec));
  return forwards.filter(({ spec }) => !unwanted.has(spec));
}

function keptBeside(state: RelayState, led: readonly LedPairing[], { doors }: RelayFacts): NftElement[] {
  const wholes = led.flatMap(({ pairing }) => acceptedForwards(pairing).filter(isWhole));
  return wholes.length === 0 ? [] : keptElements(wholes, waitingForwards(state, led), doors);
}

/** Of backends that clients are not led to, or that their owner refuses. */
function waitingForwards(state: RelayState, led: readonly LedPairing[]): Forward[] {
  const active = new Set(led.flatMap(({ pairing }) => acceptedForwards(pairing)));
  return state.pairings.flatMap(({ forwards }) => forwards).filter((forward) => !active.has(forward));
}

/** A list for each forward, and what changes more often behind them. */
function pairingElements(
  { pairing, tunnel: { backend, families } }: LedPairing,
  facts: RelayFacts,
  remember: Remember<Forward, readonly NftElement[]>,
): (readonly NftElement[])[] {
  const { echoPort } = pairing.applied;
  const echo = families.flatMap((family) =>
    TRANSPORTS.map((transport) =>
      relayElement(
        SETS[family].exact,
        `${PROBE[family].relay} . ${transport} . ${echoEntryPort(pairing)}`,
        `${backend[family]} . ${echoPort}`,
      ),
    ),
  );
  return [...forwardElements(acceptedForwards(pairing), { backend, families, spared: facts.sshPorts }, remember), echo];
}

/**
 * By which links backends are reached: ours as a whole and from their first packet on, whatever the backend has said by
 * then; of others' only what comes from or goes to a backend that clients are led to.
 */
function linkElements(peers: readonly RelayPeer[], led: readonly PairingTunnel[]): NftElement[] {
  return [
    ...ownLinks(peers).map((link) => relayElement(COMMON_SETS.tunnels, link)),
    ...led
      .filter(({ isOurs }) => !isOurs)
      .flatMap(({ link, families, backend }) =>
        families.map((family) => relayElement(SETS[family].shared, `${link} . ${backend[family]}`)),
      ),
  ];
}

function ownLinks(peers: readonly RelayPeer[]): LinkName[] {
  return [RELAY_LINK, ...peers.filter(({ spec }) => spec.kind !== 'external').map(relayLinkOf)];
}

/** Backends whose GRE comes in UDP, through a NAT that says from which port. */
function mappedPeer({ tunnel, index, outer }: Pairing): MappedPeer[] {
  if (tunnel.kind !== 'gre' || !tunnel.udp || tunnel.key === null) return [];
  // One that calls by IPv6 cannot have such a tunnel, and is told so.
  return outer !== null && isIpv4(outer.remote) ? [{ index, key: tunnel.key, remote: outer.remote }] : [];
}
