/** `audit`, the same on both sides: who enrolled, changed something or was refused, and from where. */

import type { Audit } from '../audit/audit-log.js';
import { type AuditLogDeps, createAuditLog } from '../audit/audit-log.js';
import { readAudit } from '../audit/read-audit.js';
import { type AuditRecord, describeRecord } from '../audit/record.js';
import { RelayError } from '../errors/relay-error.js';
import { thisProcess } from '../local/caller.js';
import type { Console } from './console.js';
import { parseDuration } from './duration.js';
import type { DocumentedCommand } from './manual/documented-command.js';

export interface AuditContext {
  readonly console: Console;
  readonly side: { readonly auditPath: string };
  readonly interrupt: AbortSignal;
}

interface AuditFlags {
  readonly since?: string;
  readonly follow?: boolean;
}

export function addAuditCommand(program: DocumentedCommand, context: () => AuditContext): void {
  const name = program.name();
  program
    .command('audit')
    .summary('who enrolled, changed something or was refused, and from where')
    .description(
      'Shows the audit log, the oldest entry first: enrollments, sessions, changes, refusals, each with time (UTC), who did it, and the address of who came by the network. Needs no daemon. Of a flood the first entries are kept, the rest is counted.',
    )
    .option('--since <time>', 'leave out what is older: 90s, 2h, 7d, or a date such as 2026-01-31T12:00:00Z')
    .option('--follow', 'go on with new entries until Ctrl-C; one JSON document a line with --json')
    .example(`${name} audit --since 1d`, 'what happened since yesterday')
    .example(`${name} audit --follow`, 'watch who comes and goes')
    .example(`${name} audit --json | jq '.entries[] | select(.outcome == "refused")'`, 'only what was refused')
    .action(async ({ since, follow }: AuditFlags) => {
      const { console, side, interrupt } = context();
      const options = {
        since: since === undefined ? null : parseSince(since, new Date()),
        follow: follow === true ? interrupt : null,
      };
      await show(console, readAudit(side.auditPath, options), follow === true);
    });
}

async function show(console: Console, records: AsyncIterable<AuditRecord | null>, isStream: boolean): Promise<void> {
  const entries: AuditRecord[] = [];
  let [readable, unreadable] = [0, 0];
  for await (const record of records) {
    if (record === null) unreadable += 1;
    else if (isStream) console.document(record);
    else if (console.json) entries.push(record);
    if (record === null) continue;
    readable += 1;
    console.line(styled(console, record));
  }
  if (!isStream) console.document({ entries, unreadable });
  if (!isStream && readable === 0) console.line('nothing is recorded of that time');
  if (unreadable > 0) console.line(console.style('yellow', `${unreadable} lines could not be read: torn by a crash?`));
}

function styled({ style }: Console, record: AuditRecord): string {
  const text = describeRecord(record);
  return record.outcome === 'ok' ? text : style('yellow', text);
}

/** A duration before `now`, or a date. Throws `bad-input`. */
export function parseSince(text: string, now: Date): Date {
  if (/^\d+[a-z]$/.test(text)) return new Date(now.getTime() - parseDuration(text, '--since'));
  const date = /^\d{4}-\d\d-\d\d/.test(text) ? new Date(text) : new Date(Number.NaN);
  if (!Number.isNaN(date.getTime())) return date;
  throw new RelayError('bad-input', `--since "${text}" is neither a duration nor a date`, {
    hint: 'examples: --since 2h, --since 2026-01-31T12:00:00Z',
  });
}

/** What `status` says where entries are lost. */
export function auditLines(problem: string | null, style: Console['style']): string[] {
  return problem === null ? [] : [style('red', `the audit log cannot be written, entries are lost: ${problem}`)];
}

/** Lets a command that works without a daemon record what it does; returns once it is written. A log that cannot be written is told, and stops nothing. */
export async function audited<Result>(path: string, action: (audit: Audit) => Promise<Result>): Promise<Result> {
  const onProblem: AuditLogDeps['onProblem'] = (reason) => {
    if (reason !== null) process.stderr.write(`the audit log ${path} cannot be written: ${reason}\n`);
  };
  const log = createAuditLog(path, { onProblem });
  try {
    return await action(log.by({ actor: 'local', ...(await thisProcess()) }));
  } finally {
    await log.close();
  }
}
