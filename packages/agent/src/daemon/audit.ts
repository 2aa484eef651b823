/** The backend's audit log, and what changes of its owner's policy it hears. */

import { type Audit, type AuditLog, createAuditLog } from '@homeward/shared/audit/audit-log';
import type { Logger } from 'pino';
import type { Policy } from '../policy.js';

/** A log that cannot be written costs its entries, and nothing else. */
export function openAudit(path: string, logger: Logger): AuditLog {
  return createAuditLog(path, {
    onProblem(reason) {
      if (reason === null) logger.info({ path }, 'the audit log is written again');
      else logger.error({ path, reason }, 'the audit log cannot be written; entries are lost');
    },
  });
}

/** The policy as it is read again and again; recorded is when it became another one, or cannot be read any more. */
export function watchedPolicy(read: () => Promise<Policy>, audit: Audit): () => Promise<Policy> {
  let known: string | null = null;
  const see = (text: string, problem: string | null) => {
    const isNews = known !== null && known !== text;
    known = text;
    if (!isNews) return;
    const outcome = problem === null ? {} : { outcome: 'failed' as const, reason: problem };
    audit.record({ event: 'policy-reloaded', ...outcome, details: {} });
  };
  return async () => {
    try {
      const policy = await read();
      see(JSON.stringify(policy), null);
      return policy;
    } catch (error) {
      see(String(error), error instanceof Error ? error.message : String(error));
      throw error;
    }
  };
}
