/** The status document of the product's contract. */

import { command } from '@homeward/shared/host/command';
import type { Runner } from '@homeward/shared/host/runner';
import { parseWireguardDump } from '@homeward/shared/kernel/wireguard';
import { implementationOf } from '@homeward/shared/tunnel/wireguard-link';
import { tunnelEnd } from '../desired/tunnel-end.js';
import { formerOffer } from '../store/offer-changes.js';
import { tunnelLink } from '../store/relays.js';
import type { RelayRecord } from '../store/state.js';
import type { Backend } from './backend.js';

export async function status(backend: Backend, runner: Runner): Promise<Record<string, unknown>> {
  const relays = await Promise.all(backend.state().relays.map((relay) => relayStatus(backend, runner, relay)));
  const { version, repair, upkeep } = backend;
  return { version, repair, contest: upkeep.contest(), auditProblem: backend.auditProblem(), relays };
}

/** The shortest form of it: `2 relays, 1 online`. */
export function summary(backend: Pick<Backend, 'state' | 'session'>): string {
  const relays = backend.state().relays.filter(({ revoked }) => !revoked);
  const online = relays.filter(({ controllerKey }) => backend.session(controllerKey)?.state() === 'online').length;
  return `${relays.length} relay${relays.length === 1 ? '' : 's'}, ${online} online`;
}

async function relayStatus(backend: Backend, runner: Runner, relay: RelayRecord): Promise<Record<string, unknown>> {
  const session = backend.session(relay.controllerKey);
  const refused = session?.refused() ?? [];
  const unwanted = new Set(refused.map(({ spec }) => spec));
  return {
    name: relay.name,
    slot: relay.slot,
    state: relay.revoked ? 'revoked' : (session?.state() ?? 'offline'),
    endpoint: session?.link.endpoint()?.url ?? relay.urls[0] ?? null,
    tunnel: relay.accepted === null ? null : await tunnelStatus(backend, runner, relay, relay.accepted),
    revision: relay.accepted?.offer.revision ?? 0,
    forwards: (relay.accepted?.offer.forwards ?? []).filter((spec) => !unwanted.has(spec)),
    refused,
    unconfirmed: unconfirmed(relay),
  };
}

/** An offer that waits to be confirmed, or null. */
function unconfirmed(relay: RelayRecord): Record<string, unknown> | null {
  const former = formerOffer(relay);
  return former === null
    ? null
    : { from: former.offer.tunnel.kind, confirmSeconds: (relay.fallback?.confirmMs ?? 0) / 1000 };
}

async function tunnelStatus(
  backend: Backend,
  runner: Runner,
  relay: RelayRecord,
  { offer: { tunnel } }: NonNullable<RelayRecord['accepted']>,
): Promise<Record<string, unknown>> {
  const snapshot = await backend.snapshot();
  const end = tunnelEnd(relay, tunnel, snapshot);
  const device = tunnelLink(relay);
  const link = snapshot.links.find((candidate) => candidate.name === device);
  const isWireguard = tunnel.kind === 'wireguard';
  const wireguard = isWireguard
    ? await runner.run(command('wg', ['show', device, 'dump'])).then(parseWireguardDump, () => null)
    : null;
  const handshake = wireguard?.peers[0]?.latestHandshake ?? 0;
  const { ipv4 = null, ipv6 = null } = end?.addresses ?? {};
  const speaksIpv6 = link?.addresses.some(({ address }) => address === ipv6) === true;
  return {
    kind: tunnel.kind,
    implementation: link === undefined || tunnel.kind === 'external' ? null : implementationOf(link),
    ...(tunnel.kind === 'gre' ? { udp: tunnel.udpPort !== null } : {}),
    device,
    relayAddress: tunnel.relayAddress,
    backendAddress: ipv4,
    relayAddress6: speaksIpv6 ? tunnel.relayAddress6 : null,
    backendAddress6: speaksIpv6 ? ipv6 : null,
    mtu: link?.mtu ?? (tunnel.kind === 'external' ? null : tunnel.mtu),
    lastHandshakeSeconds: handshake === 0 ? null : Math.max(0, Math.round(Date.now() / 1000) - handshake),
  };
}
