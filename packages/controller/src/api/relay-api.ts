/** The daemon's commands on its unix socket: one row each. */

import { type ApiCommand, apiCommand } from '@homeward/shared/local/api-server';
import { LINK_NAME_PATTERN } from '@homeward/shared/net/names';
import { CONFIRM_BOUNDS_MS, DEFAULT_CONFIRM_MS } from '@homeward/shared/protocol/confirm-time';
import { throwTeardownErrors } from '@homeward/shared/terminal/plan-text';
import { z } from 'zod';
import { addForwards, removeForwards } from '../operations/forwards.js';
import { pair } from '../operations/pair.js';
import { probeBackends } from '../operations/probe.js';
import type { Relay } from '../operations/relay.js';
import { rename } from '../operations/rename.js';
import { status } from '../operations/status.js';
import { createEnrollToken, listTokens, revokeTokenById } from '../operations/tokens.js';
import { unpair } from '../operations/unpair.js';
import { pairingNamed } from '../store/pairings.js';
import { withChangesSettled, withTunnelsBack } from '../store/tunnel-changes.js';

const forwardArgs = z.strictObject({
  backend: z.string(),
  specs: z.array(z.string()).min(1),
  takeOver: z.boolean().optional(),
});

const tunnelWish = z.strictObject({
  kind: z.enum(['wireguard', 'gre', 'external']),
  udp: z.boolean(),
  key: z.int().min(0).max(0xffff_ffff).nullable(),
  device: z.string().regex(LINK_NAME_PATTERN).nullable(),
});

/** `stop` ends the daemon once the caller has its answer. */
export function relayApi(relay: Relay, stop: () => void): Record<string, ApiCommand> {
  return {
    pair: apiCommand(
      z.strictObject({
        backend: z.string(),
        forwards: z.array(z.string()),
        takeOver: z.boolean(),
        tunnel: tunnelWish.nullable(),
        confirmMs: z.int().min(CONFIRM_BOUNDS_MS.least).max(CONFIRM_BOUNDS_MS.most).default(DEFAULT_CONFIRM_MS),
        expiresMs: z.int().min(1),
        wait: z.boolean(),
        timeoutMs: z.int().min(1),
      }),
      (args, { emit, signal }) => pair(relay, args, emit, signal),
    ),
    'forward-add': apiCommand(forwardArgs, ({ backend, specs, takeOver }, { signal }) =>
      addForwards(relay, backend, specs, takeOver === true, signal),
    ),
    'forward-remove': apiCommand(forwardArgs, ({ backend, specs }, { signal }) =>
      removeForwards(relay, backend, specs, signal),
    ),
    'forward-list': apiCommand(z.strictObject({ backend: z.string() }), async ({ backend }) => ({
      backend,
      forwards: pairingNamed(relay.store.state(), backend).forwards.map(({ spec }) => spec),
    })),
    'token-create': apiCommand(
      z.strictObject({
        name: z.string().nullable(),
        namePrefix: z.string().nullable(),
        uses: z.int(),
        expiresMs: z.int().min(1),
      }),
      (args) => createEnrollToken(relay, args),
    ),
    'token-list': apiCommand(z.strictObject({}), async () => listTokens(relay)),
    'token-revoke': apiCommand(z.strictObject({ id: z.string() }), ({ id }) => revokeTokenById(relay, id)),
    rename: apiCommand(z.strictObject({ backend: z.string(), name: z.string() }), ({ backend, name }) =>
      rename(relay, backend, name),
    ),
    status: apiCommand(z.strictObject({ backend: z.string().nullable() }), ({ backend }) => status(relay, backend)),
    probe: apiCommand(
      z.strictObject({ backend: z.string().nullable(), forward: z.string().nullable() }),
      ({ backend, forward }, { signal }) => probeBackends(relay, backend, forward, signal),
    ),
    unpair: apiCommand(z.strictObject({ backend: z.string() }), ({ backend }) => unpair(relay, backend)),
    down: apiCommand(z.strictObject({}), async (_, { afterwards }) => {
      // Also when something cannot be removed: a daemon that mends nothing any more should not stay.
      afterwards(stop);
      // What waits to be confirmed is not, and its guard has nothing to bring back.
      await relay.store.update((state) => ({
        state: withChangesSettled(withTunnelsBack(state, null), null),
        result: null,
      }));
      const { removed, kept, errors } = await relay.kernel.teardown();
      throwTeardownErrors(errors, 'controller');
      return { removed, kept };
    }),
  };
}
