/** Who may come in, by the store: what the agents' server asks. */

import type { Audit } from '@homeward/shared/audit/audit-log';
import type { Store } from '@homeward/shared/host/store';
import { fingerprint } from '@homeward/shared/session/keys';
import type { Logger } from 'pino';
import type { Authority, EnrollRequest } from '../server/agent-session.js';
import type { RelayState } from '../store/state.js';
import { enroll, tokenCondition } from '../store/tokens.js';
import type { Changes } from './changes.js';
import { newPresharedKey } from './preshared-key.js';

/** `store` records who came in, `strangers` who did not. */
export function createAuthority(
  store: Store<RelayState>,
  changes: Changes,
  strangers: Audit,
  logger: Logger,
): Authority {
  return {
    lookup(agentKey) {
      const { pairings, revoked } = store.state();
      const pairing = pairings.find((candidate) => candidate.agentKey === agentKey);
      if (pairing !== undefined) return { kind: 'known', name: pairing.name };
      return { kind: revoked.some((entry) => entry.agentKey === agentKey) ? 'revoked' : 'unknown' };
    },
    async enroll(request) {
      const outcome = await store.update((state) => enroll(state, request, new Date(), newPresharedKey()));
      const { tokenId, from, agentKey } = request;
      if (outcome === null) {
        const reason = refusalText(store.state(), request, new Date());
        logger.warn({ tokenId, from, reason }, 'enrollment refused');
        const details = { tokenId, key: fingerprint(agentKey) };
        strangers.record({ event: 'enroll-refused', outcome: 'refused', reason, address: from, details });
      } else logger.info({ tokenId, from, backend: outcome.name }, 'backend enrolled');
      changes.notify();
      return outcome;
    },
  };
}

/** For the relay's own operator: whoever asked is told nothing. */
function refusalText(state: RelayState, { tokenId, agentKey }: EnrollRequest, now: Date): string {
  const token = state.tokens.find(({ id }) => id === tokenId);
  if (token === undefined) return 'there is no such token';
  const condition = tokenCondition(token, now);
  if (condition !== 'valid') return `the token is ${condition}`;
  const isPaired = state.pairings.some((pairing) => pairing.agentKey === agentKey);
  return isPaired ? 'the key is paired already' : 'the secret is wrong, or nobody is awaited under its name';
}
