/** The daemon's commands on its unix socket: one row each. */

import type { Audit } from '@homeward/shared/audit/audit-log';
import { auditedCommand } from '@homeward/shared/audit/audited-command';
import type { Runner } from '@homeward/shared/host/runner';
import { type ApiCommand, apiCommand } from '@homeward/shared/local/api-server';
import { isIp } from '@homeward/shared/net/address';
import { LINK_NAME_PATTERN } from '@homeward/shared/net/names';
import { Secret } from '@homeward/shared/net/secret';
import { throwTeardownErrors } from '@homeward/shared/terminal/plan-text';
import { z } from 'zod';
import type { Backend } from '../operations/backend.js';
import { status } from '../operations/status.js';
import { chooseRelay } from '../store/relays.js';

const ownersDevice = z.strictObject({
  name: z.string().regex(LINK_NAME_PATTERN),
  gateway: z.string().refine(isIp).nullable(),
});

/** `stop` ends the daemon once the caller has its answer. What a command changes is in the audit log as its caller's doing. */
export function backendApi(
  backend: Backend,
  runner: Runner,
  audit: Audit,
  stop: () => void,
): Record<string, ApiCommand> {
  return {
    status: apiCommand(z.strictObject({}), () => status(backend, runner)),
    ...auditedCommand(audit, {
      name: 'enroll',
      schema: z.strictObject({ token: z.string(), timeoutMs: z.int().min(1), device: ownersDevice.nullable() }),
      subject: () => null,
      run: ({ token, timeoutMs, device }, caller, { signal }) =>
        backend.enroll(new Secret(token), timeoutMs, device, caller, signal),
    }),
    ...auditedCommand(audit, {
      name: 'device',
      schema: z.strictObject({ relay: z.string().nullable(), device: ownersDevice }),
      subject: ({ relay }) => relay,
      async run(args, caller) {
        const chosen = chooseRelay(backend.state(), args.relay);
        await backend.useDevice(chosen.controllerKey, args.device, caller);
        return { relay: chosen.name, slot: chosen.slot, device: args.device };
      },
    }),
    ...auditedCommand(audit, {
      name: 'leave',
      schema: z.strictObject({ relay: z.string().nullable() }),
      subject: ({ relay }) => relay,
      async run({ relay }, caller) {
        const chosen = chooseRelay(backend.state(), relay);
        const told = await backend.leave(chosen.controllerKey, caller);
        return { name: chosen.name, slot: chosen.slot, told };
      },
    }),
    ...auditedCommand(audit, {
      name: 'down',
      schema: z.strictObject({}),
      subject: () => null,
      async run(_, caller, { afterwards }) {
        // Also when something cannot be removed: a daemon that mends nothing any more should not stay.
        afterwards(stop);
        const { removed, kept, errors } = await backend.kernel.teardown();
        throwTeardownErrors(errors, 'agent');
        caller.record({ event: 'down', details: {} });
        return { removed, kept };
      },
    }),
  };
}
