/** Waiting for a pairing's tunnel, and changing it while everything runs: what does not prove itself is undone. */

import { randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { RelayError } from '@homeward/shared/errors/relay-error';
import { command } from '@homeward/shared/host/command';
import { lackingCapability } from '@homeward/shared/kernel/capabilities';
import { parseWireguardDump } from '@homeward/shared/kernel/wireguard';
import { RELAY_FOU_PORT, RELAY_LINK } from '@homeward/shared/net/allocation';
import { rangeContains } from '@homeward/shared/net/port';
import type { TunnelSpec } from '@homeward/shared/tunnel/tunnel-spec';
import { tunnelText } from '@homeward/shared/tunnel/tunnel-spec';
import { tunnelProblem } from '../daemon/tunnel-problem.js';
import type { RelayPorts } from '../forwards/conflicts.js';
import { pairingNamed, withPairing } from '../store/pairings.js';
import type { Pairing, RelayState } from '../store/state.js';
import { isSameTunnel } from '../store/tunnel-changes.js';
import type { Relay } from './relay.js';

/** WireGuard repeats a lost handshake after 5 s (REKEY_TIMEOUT); one repetition is waited for. */
const READY_LIMIT_MS = 6_000;
const READY_POLL_MS = 20;

/** What `--tunnel` and its options ask for. */
export interface TunnelWish {
  readonly kind: TunnelSpec['kind'];
  readonly udp: boolean;
  readonly key: number | null;
  readonly device: string | null;
}

/** The wish in full; an earlier tunnel of the same kind keeps its key. Throws `bad-input` for what lacks or does not belong. */
export function tunnelOf(wish: TunnelWish, before: TunnelSpec | null): TunnelSpec {
  switch (wish.kind) {
    case 'wireguard':
      return { kind: 'wireguard' };
    case 'gre': {
      const kept = before?.kind === 'gre' && before.udp === wish.udp ? before.key : null;
      // Several backends share the port, and are told apart by the key.
      const key = wish.key ?? kept ?? (wish.udp ? randomInt(1, 2 ** 32) : null);
      return { kind: 'gre', udp: wish.udp, key };
    }
    case 'external':
      if (wish.device === null) {
        throw new RelayError('bad-input', 'an external tunnel needs the device that leads to the backend', {
          hint: 'name the one of this relay: --tunnel external --device tun0',
        });
      }
      return { kind: 'external', device: wish.device };
  }
}

/** By what name a change is guarded, and how long it may wait to be confirmed, milliseconds. */
export interface GuardedChange {
  readonly change: string;
  readonly confirmMs: number;
}

/** Whether services run through the tunnel of a pairing already, so that another one would be a change to be confirmed. */
export function isChange(pairing: Pairing, tunnel: TunnelSpec): boolean {
  return pairing.applied !== null && !isSameTunnel(pairing.tunnel, tunnel);
}

/** Throws `conflict` while a change of the pairing's tunnel is not settled. */
export function refuseUnsettled({ name, fallback }: Pairing): void {
  if (fallback === null) return;
  throw new RelayError('conflict', `a change of the tunnel of backend "${name}" waits to be confirmed`, {
    hint: `it is settled within ${fallback.confirmMs / 1000} s; see it with: controller status ${name}`,
  });
}

/**
 * The state with another tunnel for a pairing. The one that services run through is gone back to unless the new one is
 * confirmed; `guarded` is null where there is none. Throws `conflict`.
 */
export function withTunnel(
  state: RelayState,
  name: string,
  tunnel: TunnelSpec,
  guarded: GuardedChange | null,
): RelayState {
  const pairing = pairingNamed(state, name);
  refuseUnsettled(pairing);
  if (isSameTunnel(pairing.tunnel, tunnel)) return state;
  if (guarded === null && isChange(pairing, tunnel)) {
    throw new RelayError('conflict', `backend "${name}" got its tunnel a moment ago`, { hint: 'ask again' });
  }
  refuseTakenFouPort(state, tunnel);
  refuseSharedKey(state, pairing, tunnel);
  return withPairing(state, {
    ...pairing,
    tunnel,
    fallback: guarded === null ? null : { tunnel: pairing.tunnel, applied: pairing.applied, ...guarded },
    applied: null,
    proof: null,
    revision: pairing.revision + 1,
  });
}

function refuseTakenFouPort({ wireguard, pairings }: RelayState, tunnel: TunnelSpec): void {
  if (tunnel.kind !== 'gre' || !tunnel.udp) return;
  if (wireguard.port === RELAY_FOU_PORT) {
    throw new RelayError('conflict', `GRE in UDP needs port ${RELAY_FOU_PORT}/udp, which is WireGuard's here`, {
      hint: 'start the controller with another --wireguard-port',
    });
  }
  const taken = pairings
    .flatMap(({ name, forwards }) => forwards.map((forward) => ({ name, forward })))
    .find(({ forward }) => forward.transports.includes('udp') && rangeContains(forward.publicPorts, RELAY_FOU_PORT));
  if (taken === undefined) return;
  throw new RelayError(
    'conflict',
    `GRE in UDP needs port ${RELAY_FOU_PORT}/udp, which is forwarded to ${taken.name} (${taken.forward.spec})`,
    { hint: `free it: controller forward remove ${taken.name} ${taken.forward.spec}` },
  );
}

function refuseSharedKey({ pairings }: RelayState, pairing: Pairing, tunnel: TunnelSpec): void {
  if (tunnel.kind !== 'gre' || !tunnel.udp) return;
  const other = pairings.find(
    ({ name, tunnel: theirs }) => name !== pairing.name && theirs.kind === 'gre' && theirs.key === tunnel.key,
  );
  if (other === undefined) return;
  throw new RelayError('conflict', `the key ${tunnel.key} is that of backend "${other.name}"`, {
    hint: 'leave out --key, and one is chosen',
  });
}

/** What the relay's kernel has to be able to do for a tunnel, by the names of its trials. */
function neededFor(wish: TunnelWish): string[] {
  if (wish.kind !== 'gre') return [];
  return wish.udp ? ['GRE', 'GRE in UDP (FOU)'] : ['GRE', 'GRE over IPv6'];
}

/**
 * Throws `missing-capability` or `conflict` for a tunnel that this machine cannot make: once stored, it would keep the
 * kernel from being set up for every other backend, too.
 */
export async function refuseTunnelBeyondThisMachine(
  relay: Relay,
  wish: TunnelWish,
  { listeners, tunnelPorts }: RelayPorts,
  signal: AbortSignal,
): Promise<void> {
  const lacking = await lackingCapability(relay.runner, neededFor(wish), signal);
  if (lacking !== null) {
    throw new RelayError('missing-capability', `this relay's kernel has no ${lacking.name}: ${lacking.reason}`, {
      hint: `${lacking.hint}; see: controller doctor`,
    });
  }
  if (wish.kind !== 'gre' || !wish.udp || tunnelPorts.includes(RELAY_FOU_PORT)) return;
  const taken = listeners.find(({ transport, port }) => transport === 'udp' && port === RELAY_FOU_PORT);
  if (taken === undefined) return;
  throw new RelayError('conflict', `GRE in UDP needs port ${RELAY_FOU_PORT}/udp, on which ${taken.program} listens`, {
    hint: 'stop it, or use another tunnel',
  });
}

/** Throws `conflict` when it is known already that the backend cannot have its tunnel. */
export function refuseImpossibleTunnel(relay: Relay, name: string): void {
  const pairing = pairingNamed(relay.store.state(), name);
  const session = relay.backends.sessionOf(pairing.agentKey);
  if (session === undefined) return;
  const problem = tunnelProblem(name, pairing.tunnel, session, relay.machine.tunnelFacts());
  if (problem === null) return;
  throw new RelayError('conflict', `no ${tunnelText(pairing.tunnel)} tunnel: ${problem.reason}`, {
    hint: problem.hint,
  });
}

/** Waits until the tunnel has shown life, within a limit: the probe itself tells if it has not. */
export async function untilTunnelReady(relay: Relay, name: string, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + READY_LIMIT_MS;
  while (performance.now() < deadline && !(await isReady(relay, name))) {
    await delay(READY_POLL_MS, undefined, { signal });
  }
}

async function isReady(relay: Relay, name: string): Promise<boolean> {
  const { tunnel, wireguardPublicKey } = pairingNamed(relay.store.state(), name);
  if (tunnel.kind === 'external' || (tunnel.kind === 'gre' && !tunnel.udp)) return true;
  if (tunnel.kind === 'gre') {
    await relay.mappings.look();
    const { outer } = pairingNamed(relay.store.state(), name);
    return outer !== null && outer.port !== null;
  }
  const device = parseWireguardDump(await relay.runner.run(command('wg', ['show', RELAY_LINK, 'dump'])));
  const peer = device.peers.find((candidate) => candidate.publicKey === wireguardPublicKey);
  return peer !== undefined && peer.latestHandshake > 0;
}
