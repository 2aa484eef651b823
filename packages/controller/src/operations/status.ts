/** The status document of the product's contract. */

import type { AddressPair } from '@homeward/shared/net/address';
import { type Forward, isWhole } from '@homeward/shared/net/forward-spec';
import { fingerprint } from '@homeward/shared/session/keys';
import { tunnelText } from '@homeward/shared/tunnel/tunnel-spec';
import { implementationOf } from '@homeward/shared/tunnel/wireguard-link';
import type { KernelFigures } from '../daemon/figures.js';
import { countKeys } from '../desired/forward-counters.js';
import { type PairingTunnel, pairingTunnel } from '../desired/pairing-tunnel.js';
import { missingAddress } from '../forwards/entrance.js';
import { pairingNamed } from '../store/pairings.js';
import type { Pairing } from '../store/state.js';
import { formerTunnel } from '../store/tunnel-changes.js';
import type { Relay } from './relay.js';

/** All backends, or one; throws `not-found` for an unknown name. */
export async function status(relay: Relay, name: string | null): Promise<Record<string, unknown>> {
  const state = relay.store.state();
  const chosen = name === null ? state.pairings : [pairingNamed(state, name)];
  const figures = await relay.machine.figures();
  const endpoints = relay.machine.endpoints();
  return {
    relay: {
      endpoints,
      publicKey: state.identity.publicKey,
      version: relay.version,
      repair: relay.repair,
      contest: relay.upkeep.contest(),
      auditProblem: relay.auditProblem(),
    },
    backends: chosen.map((pairing) => backendStatus(relay, pairing, figures)),
  };
}

/** The shortest form of it: `3 backends, 2 online`. */
export function summary({ store, backends }: Pick<Relay, 'store' | 'backends'>): string {
  const { pairings } = store.state();
  const online = pairings.filter(({ name }) => backends.isOnline(name)).length;
  return `${pairings.length} backend${pairings.length === 1 ? '' : 's'}, ${online} online`;
}

/** One backend of the status document. */
function backendStatus(relay: Relay, pairing: Pairing, figures: KernelFigures): Record<string, unknown> {
  const state = relay.store.state();
  const failure = relay.backends.failure(pairing.name);
  const tunnel = pairingTunnel(state, pairing, relay.machine.tunnelFacts());
  const refusals = new Map(pairing.applied?.refused.map(({ spec, reason }) => [spec, reason]));
  const bytes = forwardBytes(pairing.forwards, tunnel.backend, figures);
  const addresses = relay.machine.addresses();
  const isApplied = pairing.applied?.revision === pairing.revision;
  return {
    name: pairing.name,
    state: pairing.agentKey === null ? 'waiting' : relay.backends.isOnline(pairing.name) ? 'online' : 'offline',
    fingerprint: pairing.agentKey === null ? null : fingerprint(pairing.agentKey),
    tunnel: pairing.wireguardPublicKey === null ? null : tunnelStatus(relay, pairing, tunnel, figures),
    forwards: pairing.forwards.map((forward) => {
      const reason = refusals.get(forward.spec) ?? failure ?? missingAddress(forward, addresses);
      return {
        spec: forward.spec,
        state: reason !== null ? 'failed' : isApplied ? 'active' : 'pending',
        reason,
        ...bytes(forward),
        ...(isWhole(forward) ? { without: withheld(pairing) } : {}),
      };
    }),
    proof: pairing.proof,
    unconfirmed: unconfirmed(pairing),
  };
}

/** What the backend's owner does not mean by `all`: refusals of what is no forward by itself. */
function withheld({ forwards, applied }: Pairing): readonly { readonly spec: string; readonly reason: string }[] {
  const own = new Set(forwards.map(({ spec }) => spec));
  return (applied?.refused ?? []).filter(({ spec }) => !own.has(spec));
}

/** A change of tunnels that waits to be confirmed, or null. */
function unconfirmed(pairing: Pairing): Record<string, unknown> | null {
  const former = formerTunnel(pairing);
  if (former === null) return null;
  const { tunnel, fallback } = pairing;
  return { from: tunnelText(former), to: tunnelText(tunnel), confirmSeconds: (fallback?.confirmMs ?? 0) / 1000 };
}

function tunnelStatus(
  relay: Relay,
  pairing: Pairing,
  { link, families, relay: own, backend, mtu }: PairingTunnel,
  { links, wireguard }: KernelFigures,
): Record<string, unknown> {
  const device = links.get(link);
  const isWireguard = pairing.tunnel.kind === 'wireguard';
  const peer = isWireguard
    ? wireguard?.peers.find((candidate) => candidate.publicKey === pairing.wireguardPublicKey)
    : undefined;
  const handshake = peer === undefined || peer.latestHandshake === 0 ? null : peer.latestHandshake;
  const isIpv6 = families.includes('ipv6');
  return {
    kind: pairing.tunnel.kind,
    implementation: device === undefined || pairing.tunnel.kind === 'external' ? null : implementationOf(device),
    ...(pairing.tunnel.kind === 'gre' ? { udp: pairing.tunnel.udp, outer: pairing.outer } : {}),
    device: link,
    relayAddress: own.ipv4,
    backendAddress: backend.ipv4,
    relayAddress6: isIpv6 ? own.ipv6 : null,
    backendAddress6: isIpv6 ? backend.ipv6 : null,
    mtu: device?.mtu ?? mtu,
    lastHandshakeSeconds: handshake === null ? null : Math.max(0, Math.round(relay.now().getTime() / 1000) - handshake),
  };
}

/** Forwards that overlap at the backend share their counter. */
function forwardBytes(
  forwards: readonly Forward[],
  addresses: AddressPair,
  figures: KernelFigures,
): (forward: Forward) => { bytesIn: number; bytesOut: number } {
  const keys = countKeys(forwards, addresses);
  return (forward) => {
    const own = keys(forward);
    const sum = (bytes: ReadonlyMap<string, number>) => own.reduce((total, key) => total + (bytes.get(key) ?? 0), 0);
    return { bytesIn: sum(figures.bytesIn), bytesOut: sum(figures.bytesOut) };
  };
}
