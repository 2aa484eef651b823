/** An audit log in memory. */

import { type AuditLog, type AuditLogDeps, auditLogTo } from '@homeward/shared/audit/audit-log';
import { type AuditRecord, parseRecord } from '@homeward/shared/audit/record';

export interface RecordedAudit {
  readonly log: AuditLog;
  /** What was written until now. */
  records(): Promise<AuditRecord[]>;
}

export function recordedAudit(deps: Partial<AuditLogDeps> = {}): RecordedAudit {
  const lines: string[] = [];
  const log = auditLogTo({
    append: async (line) => void lines.push(line),
    onProblem: () => undefined,
    ...deps,
  });
  return {
    log,
    async records() {
      await log.written();
      return lines.map((line) => {
        const record = parseRecord(line);
        if (record === null) throw new Error(`no record: ${line}`);
        return record;
      });
    },
  };
}
