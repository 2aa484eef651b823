/** The relay's audit log, and what it hears of agents that do not come in. */

import { type Audit, type AuditLog, createAuditLog } from '@homeward/shared/audit/audit-log';
import type { Store } from '@homeward/shared/host/store';
import { fingerprint } from '@homeward/shared/session/keys';
import type { Logger } from 'pino';
import { addressGroup } from '../server/address-group.js';
import type { Refusals } from '../server/agent-session.js';
import type { RelayState } from '../store/state.js';

/** A log that cannot be written costs its entries, and nothing else. */
export function openAudit(path: string, logger: Logger): AuditLog {
  return createAuditLog(path, {
    source: addressGroup,
    onProblem(reason) {
      if (reason === null) logger.info({ path }, 'the audit log is written again');
      else logger.error({ path, reason }, 'the audit log cannot be written; entries are lost');
    },
  });
}

export function createRefusals(audit: Audit, store: Pick<Store<RelayState>, 'state'>): Refusals {
  const [strangers, agents] = [audit.by({ actor: 'stranger' }), audit.by({ actor: 'agent' })];
  return {
    stranger: (address, reason) =>
      strangers.record({ event: 'handshake-refused', outcome: 'refused', address, reason, details: {} }),
    agent(address, agentKey, reason) {
      const { pairings, revoked } = store.state();
      const subject = [...pairings, ...revoked].find((known) => known.agentKey === agentKey)?.name ?? null;
      const details = { key: fingerprint(agentKey) };
      agents.record({ event: 'session-refused', outcome: 'refused', subject, address, reason, details });
    },
  };
}
