/** The daemon's commands on its unix socket: one row each. */

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

/** `stop` ends the daemon once the caller has its answer. */
export function backendApi(backend: Backend, runner: Runner, stop: () => void): Record<string, ApiCommand> {
  return {
    enroll: apiCommand(
      z.strictObject({ token: z.string(), timeoutMs: z.int().min(1), device: ownersDevice.nullable() }),
      ({ token, timeoutMs, device }, { signal }) => backend.enroll(new Secret(token), timeoutMs, device, signal),
    ),
    device: apiCommand(z.strictObject({ relay: z.string().nullable(), device: ownersDevice }), async (args) => {
      const chosen = chooseRelay(backend.state(), args.relay);
      await backend.useDevice(chosen.controllerKey, args.device);
      return { relay: chosen.name, slot: chosen.slot, device: args.device };
    }),
    status: apiCommand(z.strictObject({}), () => status(backend, runner)),
    leave: apiCommand(z.strictObject({ relay: z.string().nullable() }), async ({ relay }) => {
      const chosen = chooseRelay(backend.state(), relay);
      const told = await backend.leave(chosen.controllerKey);
      return { name: chosen.name, slot: chosen.slot, told };
    }),
    down: apiCommand(z.strictObject({}), async (_, { afterwards }) => {
      // Also when something cannot be removed: a daemon that mends nothing any more should not stay.
      afterwards(stop);
      await backend.undoUnconfirmed();
      const { removed, kept, errors } = await backend.kernel.teardown();
      throwTeardownErrors(errors, 'agent');
      return { removed, kept };
    }),
  };
}
