/** Who may come in, by the store: what the agents' server asks. */

import type { Store } from '@homeward/shared/host/store';
import type { Logger } from 'pino';
import type { Authority } from '../server/agent-session.js';
import type { RelayState } from '../store/state.js';
import { enroll } from '../store/tokens.js';
import type { Changes } from './changes.js';
import { newPresharedKey } from './preshared-key.js';

export function createAuthority(store: Store<RelayState>, changes: Changes, logger: Logger): Authority {
  return {
    lookup(agentKey) {
      const { pairings, revoked } = store.state();
      const pairing = pairings.find((candidate) => candidate.agentKey === agentKey);
      if (pairing !== undefined) return { kind: 'known', name: pairing.name };
      return { kind: revoked.some((entry) => entry.agentKey === agentKey) ? 'revoked' : 'unknown' };
    },
    async enroll(request) {
      const outcome = await store.update((state) => enroll(state, request, new Date(), newPresharedKey()));
      const { tokenId, from } = request;
      if (outcome === null) logger.warn({ tokenId, from }, 'enrollment refused');
      else logger.info({ tokenId, from, backend: outcome.name }, 'backend enrolled');
      changes.notify();
      return outcome;
    },
  };
}
