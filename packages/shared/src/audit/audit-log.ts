/** The audit log as the daemons and commands use it: entries are queued and written in order; a failing write stops nothing and is told. */

import { systemErrorText } from '../host/system-error.js';
import { appendLine } from './audit-file.js';
import { type After, createFloodLimit } from './flood-limit.js';
import { type Actor, type AuditEntry, type AuditRecord, formatRecord, recordOf } from './record.js';

export interface Audit {
  /** Returns at once; never throws. */
  record(entry: AuditEntry): void;
  /** The same log, for what somebody else does. An actor may still be found out. */
  by(actor: Actor | Promise<Actor>): Audit;
}

export interface AuditLog extends Audit {
  /** Why entries are lost at present, or null. */
  problem(): string | null;
  /** Resolves when what was recorded until now is written, or lost. */
  written(): Promise<void>;
  /** Writes what is queued and what was counted. */
  close(): Promise<void>;
}

export interface AuditLogDeps {
  /** Appends a line; rejects when it cannot. */
  append(line: string): Promise<void>;
  /** Gets the reason when entries begin to be lost, and null when they are written again. */
  onProblem(reason: string | null): void;
  /** A timer, for tests. */
  readonly after?: After;
  now?(): Date;
  /** What an address counts as where floods are summed up. */
  source?(address: string): string;
}

/** What waits while a disk hangs; more is lost and counted. */
const MOST_WAITING = 1000;

/** The log in a file of the state directory. */
export function createAuditLog(path: string, deps: Omit<AuditLogDeps, 'append'>): AuditLog {
  return auditLogTo({ ...deps, append: (line) => appendLine(path, line) });
}

/** A program that has nothing else to do need not stay for it. */
const afterUnwaited: After = (delayMs, action) => {
  const timer = setTimeout(action, delayMs).unref();
  return () => clearTimeout(timer);
};

export function auditLogTo(deps: AuditLogDeps): AuditLog {
  const now = deps.now ?? (() => new Date());
  let queue: Promise<void> = Promise.resolve();
  let waiting = 0;
  let lost = 0;
  let problem: string | null = null;
  const floods = createFloodLimit({
    ...{ now, write: enqueue },
    after: deps.after ?? afterUnwaited,
    source: deps.source ?? ((address) => address),
  });

  function enqueue(record: AuditRecord, actor?: Promise<Actor>): void {
    if (waiting >= MOST_WAITING) {
      lost += 1;
      return;
    }
    waiting += 1;
    queue = queue.then(async () => {
      await write(actor === undefined ? record : { ...record, ...(await actor) });
      waiting -= 1;
    });
  }

  async function write(record: AuditRecord): Promise<void> {
    try {
      if (lost > 0) await deps.append(formatRecord(lossRecord(lost)));
      lost = 0;
      await deps.append(formatRecord(record));
      tell(null);
    } catch (error) {
      lost += 1;
      tell(systemErrorText(error));
    }
  }

  function lossRecord(count: number): AuditRecord {
    return recordOf({ event: 'records-lost', outcome: 'failed', details: { count } }, { actor: 'daemon' }, now());
  }

  /** Only what is news. */
  function tell(reason: string | null): void {
    const isNews = (reason === null) !== (problem === null);
    problem = reason;
    if (isNews) deps.onProblem(reason);
  }

  function as(actor: Actor | Promise<Actor>): Audit {
    return {
      by: as,
      record(entry) {
        const isKnown = !(actor instanceof Promise);
        const record = recordOf(entry, isKnown ? actor : { actor: 'daemon' }, now());
        if (floods.admits(record)) enqueue(record, isKnown ? undefined : actor);
      },
    };
  }

  return {
    ...as({ actor: 'daemon' }),
    problem: () => problem,
    written: () => queue,
    async close() {
      floods.flush();
      await queue;
    },
  };
}
