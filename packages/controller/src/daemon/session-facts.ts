/** What a backend's session tells of it beside its messages: its WireGuard key, and where it is. Pure. */

import { isIp } from '@homeward/shared/net/address';
import type { AgentSession } from '../server/agent-session.js';
import { withPairing } from '../store/pairings.js';
import type { Pairing, RelayState } from '../store/state.js';

/** The state with what a new session shows; the same state where that was known. */
export function withSessionFacts(
  state: RelayState,
  session: Pick<AgentSession, 'agentKey' | 'hello' | 'remoteAddress' | 'localAddress'>,
): RelayState {
  const pairing = state.pairings.find((candidate) => candidate.agentKey === session.agentKey);
  if (pairing === undefined) return state;
  const { wireguardPublicKey } = session.hello;
  const outer = outerOf(pairing, session);
  if (pairing.wireguardPublicKey === wireguardPublicKey && outer === pairing.outer) return state;
  return withPairing(state, { ...pairing, wireguardPublicKey, outer });
}

/** At another address the backend has another mapping: its port has to be seen again. */
function outerOf(
  { outer }: Pairing,
  { localAddress: local, remoteAddress: remote }: Pick<AgentSession, 'remoteAddress' | 'localAddress'>,
): Pairing['outer'] {
  if (!isIp(local) || !isIp(remote)) return outer;
  return outer?.local === local && outer.remote === remote ? outer : { local, remote, port: null };
}
