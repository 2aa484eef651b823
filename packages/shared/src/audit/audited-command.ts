/** Commands of a daemon that change something: recorded as the doing of whoever asked, and when they failed, that they did. */

import type { z } from 'zod';
import { type ErrorCode, toRelayError } from '../errors/relay-error.js';
import { type ApiCommand, apiCommand, type CallContext } from '../local/api-server.js';
import type { Audit } from './audit-log.js';
import type { Actor, Outcome } from './record.js';

export interface AuditedCommand<Args> {
  /** As the daemon knows it: `forward-add`. */
  readonly name: string;
  readonly schema: z.ZodType<Args>;
  /** The backend or relay it is about. */
  subject(args: NoInfer<Args>): string | null;
  /** `audit` records by the caller. */
  run(args: NoInfer<Args>, audit: Audit, context: CallContext): Promise<unknown>;
}

/** A row of an API by the command's name. */
export function auditedCommand<Args>(log: Audit, command: AuditedCommand<Args>): Record<string, ApiCommand> {
  const { name, schema, subject, run } = command;
  return {
    [name]: apiCommand(schema, async (args, context) => {
      const actor = context.caller().then((caller): Actor => ({ actor: 'local', ...caller }));
      const audit = log.by(actor);
      try {
        return await run(args, audit, context);
      } catch (error) {
        const { code, message } = toRelayError(error);
        const entry = { subject: subject(args), outcome: outcomeOf(code), reason: message };
        audit.record({ event: 'command-failed', ...entry, details: { command: name } });
        throw error;
      } finally {
        // Who has its answer ends, and then nobody can tell who it was.
        await actor;
      }
    }),
  };
}

/** Refused is what changed nothing. */
export function outcomeOf(code: ErrorCode): Outcome {
  const refusals: readonly ErrorCode[] = ['bad-input', 'conflict', 'not-found', 'permission', 'refused'];
  return refusals.includes(code) ? 'refused' : 'failed';
}
