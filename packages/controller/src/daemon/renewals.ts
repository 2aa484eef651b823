/**
 * Which backends are asked to begin their WireGuard session anew. Only they can: the relay does not know where they are
 * until they call, and by themselves they notice only when 15 s after a packet nothing has come back.
 */

import { RENEW } from '@homeward/shared/protocol/messages';
import type { AgentSession } from '../server/agent-session.js';
import type { Pairing } from '../store/state.js';

export interface Online {
  readonly session: Pick<AgentSession, 'agentKey' | 'hello' | 'send'>;
  readonly pairing: Pick<Pairing, 'tunnel'>;
}

export interface Renewals {
  /** The relay's device was made anew: every backend is asked, those that are away when they come. */
  deviceMade(online: readonly Online[]): void;
  /** A backend has come, and was sent its offer. */
  attached(session: Online['session'], pairing: Online['pairing']): void;
}

export function createRenewals(): Renewals {
  let devices = 0;
  /** Of how many devices each backend was told, by its key. */
  const told = new Map<string, number>();

  function ask({ session, pairing }: Online): void {
    if (told.get(session.agentKey) === devices) return;
    told.set(session.agentKey, devices);
    // One that never took an offer has no session that could be void.
    if (devices === 0 || pairing.tunnel.kind !== 'wireguard' || session.hello.revision === 0) return;
    // An older agent would end the session by a message that it does not know; it notices by itself, later.
    if (session.hello.capabilities.includes(RENEW)) session.send({ type: 'renew' });
  }

  return {
    deviceMade(online) {
      devices += 1;
      for (const one of online) ask(one);
    },
    attached: (session, pairing) => ask({ session, pairing }),
  };
}
