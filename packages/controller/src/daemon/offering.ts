/** What backends are offered: their tunnel and forwards as the store has them, as far as this machine can have the tunnel. */

import type { Store } from '@homeward/shared/host/store';
import { CONFIRM } from '@homeward/shared/protocol/messages';
import { type TunnelFacts, tunnelOffer } from '../desired/pairing-tunnel.js';
import type { AgentSession } from '../server/agent-session.js';
import type { Pairing, RelayState } from '../store/state.js';
import { formerTunnel } from '../store/tunnel-changes.js';
import { type TunnelProblem, tunnelProblem } from './tunnel-problem.js';

const UNKNOWN_PLACE: Pick<TunnelProblem, 'reason'> = { reason: 'where the backend is, is not known yet' };

export interface Offering {
  /** Sends the offer, or gives why the tunnel cannot be had: then nothing is sent, and the backend's kernel stays as it is. */
  send(session: AgentSession, pairing: Pairing): Pick<TunnelProblem, 'reason'> | null;
  /** Those whose tunnel has become otherwise, or possible, since they were last offered it; none before its first offer. */
  outdated(candidates: readonly OnlineBackend[]): OnlineBackend[];
}

export interface OnlineBackend {
  readonly session: AgentSession;
  readonly pairing: Pairing;
}

/** What a session was last offered of its tunnel, and what that was made of. */
interface Offered {
  /** As text; `null` where it could not be had. */
  readonly tunnel: string;
  readonly pairing: Pairing;
  readonly basis: string;
}

export function createOffering(store: Store<RelayState>, tunnelFacts: () => TunnelFacts): Offering {
  const offered = new WeakMap<AgentSession, Offered>();

  /** What every offer depends on besides its pairing: after each look all backends are asked about, and seldom is it otherwise. */
  function basisNow(): string {
    const { wireguard, pool, pool6 } = store.state();
    return JSON.stringify([tunnelFacts(), wireguard.publicKey, wireguard.port, pool, pool6]);
  }

  function now(session: AgentSession, pairing: Pairing) {
    const facts = tunnelFacts();
    const problem = tunnelProblem(pairing.name, pairing.tunnel, session, facts);
    return { problem, tunnel: problem === null ? tunnelOffer(store.state(), pairing, facts) : null };
  }

  return {
    send(session, pairing) {
      const { problem, tunnel } = now(session, pairing);
      offered.set(session, { tunnel: JSON.stringify(tunnel), pairing, basis: basisNow() });
      if (tunnel === null) return problem ?? UNKNOWN_PLACE;
      const forwards = pairing.forwards.map(({ spec }) => spec);
      session.send({ type: 'offer', revision: pairing.revision, tunnel, forwards, ...timeToConfirm(session, pairing) });
      return null;
    },
    outdated(candidates) {
      const basis = basisNow();
      return candidates.filter(({ session, pairing }) => {
        const before = offered.get(session);
        if (before === undefined || (before.pairing === pairing && before.basis === basis)) return false;
        const tunnel = JSON.stringify(now(session, pairing).tunnel);
        if (tunnel !== before.tunnel) return true;
        offered.set(session, { tunnel, pairing, basis });
        return false;
      });
    },
  };
}

/** Whether the backend goes back by itself; an older one is gone back for by our offers only. */
export function canConfirm({ hello }: AgentSession): boolean {
  return hello.capabilities.includes(CONFIRM);
}

/** What of an offer says that it is to be gone back from. */
function timeToConfirm(session: AgentSession, pairing: Pairing): { confirmWithinMs?: number } {
  const { fallback } = pairing;
  if (fallback === null || formerTunnel(pairing) === null || !canConfirm(session)) return {};
  return { confirmWithinMs: fallback.confirmMs };
}
