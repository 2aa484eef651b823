/** The confirmed sessions, one per agent key: the newest wins. */

import { fingerprint } from '@homeward/shared/session/keys';
import type { Logger } from 'pino';
import type { AgentSession } from './agent-session.js';
import type { CloneWatch } from './clone-watch.js';

export interface SessionRegistry {
  /** Puts the session in its key's place and closes the older one; false when the key is cloned: then none stays. */
  claim(session: AgentSession): boolean;
  find(agentKey: string): AgentSession | undefined;
  all(): AgentSession[];
}

export function createSessionRegistry(deps: { cloneWatch: CloneWatch; logger: Logger }): SessionRegistry {
  const sessions = new Map<string, AgentSession>();

  return {
    claim(session) {
      const { agentKey } = session;
      const older = sessions.get(agentKey);
      const verdict = deps.cloneWatch.observe(agentKey, session.hello.bootId);
      if (verdict !== 'fine') {
        if (verdict === 'found') {
          deps.logger.error(
            { agent: fingerprint(agentKey), name: session.name, from: [older?.remoteAddress, session.remoteAddress] },
            'a cloned agent key: two machines use it in turn, both are refused; enroll one of them anew',
          );
        }
        older?.send({ type: 'refused' });
        older?.close('cloned key');
        return false;
      }
      sessions.set(agentKey, session);
      session.onClose(() => {
        if (sessions.get(agentKey) === session) sessions.delete(agentKey);
      });
      older?.close('a newer session of the same agent');
      return true;
    },
    find: (agentKey) => sessions.get(agentKey),
    all: () => [...sessions.values()],
  };
}
