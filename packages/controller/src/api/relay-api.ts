/** The daemon's commands on its unix socket: one row each. */

import type { Audit } from '@homeward/shared/audit/audit-log';
import { auditedCommand } from '@homeward/shared/audit/audited-command';
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

const pairArgs = z.strictObject({
  backend: z.string(),
  forwards: z.array(z.string()),
  takeOver: z.boolean(),
  tunnel: tunnelWish.nullable(),
  confirmMs: z.int().min(CONFIRM_BOUNDS_MS.least).max(CONFIRM_BOUNDS_MS.most).default(DEFAULT_CONFIRM_MS),
  expiresMs: z.int().min(1),
  wait: z.boolean(),
  timeoutMs: z.int().min(1),
});

const tokenArgs = z.strictObject({
  name: z.string().nullable(),
  namePrefix: z.string().nullable(),
  uses: z.int(),
  expiresMs: z.int().min(1),
});

const backendNamed = ({ backend }: { readonly backend: string }) => backend;

/** `stop` ends the daemon once the caller has its answer. What a command changes is in the audit log as its caller's doing. */
export function relayApi(relay: Relay, audit: Audit, stop: () => void): Record<string, ApiCommand> {
  return { ...looking(relay), ...changing(relay, audit), ...ending(relay, audit, stop) };
}

function looking(relay: Relay): Record<string, ApiCommand> {
  return {
    'forward-list': apiCommand(z.strictObject({ backend: z.string() }), async ({ backend }) => ({
      backend,
      forwards: pairingNamed(relay.store.state(), backend).forwards.map(({ spec }) => spec),
    })),
    'token-list': apiCommand(z.strictObject({}), async () => listTokens(relay)),
    status: apiCommand(z.strictObject({ backend: z.string().nullable() }), ({ backend }) => status(relay, backend)),
    probe: apiCommand(
      z.strictObject({ backend: z.string().nullable(), forward: z.string().nullable() }),
      ({ backend, forward }, { signal }) => probeBackends(relay, backend, forward, signal),
    ),
  };
}

function changing(relay: Relay, audit: Audit): Record<string, ApiCommand> {
  return {
    ...auditedCommand(audit, {
      name: 'pair',
      schema: pairArgs,
      subject: backendNamed,
      async run(args, caller, { emit, signal }) {
        const outcome = await pair(relay.actingFor(caller), args, emit, signal);
        if (outcome.proof !== null) {
          caller.record({ event: 'paired', subject: args.backend, details: { proven: outcome.proof.ok } });
        }
        return outcome;
      },
    }),
    ...auditedCommand(audit, {
      name: 'forward-add',
      schema: forwardArgs,
      subject: backendNamed,
      run: ({ backend, specs, takeOver }, caller, { signal }) =>
        addForwards(relay.actingFor(caller), backend, specs, takeOver === true, signal),
    }),
    ...auditedCommand(audit, {
      name: 'forward-remove',
      schema: forwardArgs,
      subject: backendNamed,
      run: ({ backend, specs }, caller, { signal }) => removeForwards(relay.actingFor(caller), backend, specs, signal),
    }),
    ...auditedCommand(audit, {
      name: 'token-create',
      schema: tokenArgs,
      subject: ({ name, namePrefix }) => name ?? namePrefix,
      run: (args, caller) => createEnrollToken(relay.actingFor(caller), args),
    }),
    ...auditedCommand(audit, {
      name: 'token-revoke',
      schema: z.strictObject({ id: z.string() }),
      subject: ({ id }) => id,
      run: ({ id }, caller) => revokeTokenById(relay.actingFor(caller), id),
    }),
    ...auditedCommand(audit, {
      name: 'rename',
      schema: z.strictObject({ backend: z.string(), name: z.string() }),
      subject: backendNamed,
      run: ({ backend, name }, caller) => rename(relay.actingFor(caller), backend, name),
    }),
    ...auditedCommand(audit, {
      name: 'unpair',
      schema: z.strictObject({ backend: z.string() }),
      subject: backendNamed,
      run: ({ backend }, caller) => unpair(relay.actingFor(caller), backend),
    }),
  };
}

function ending(relay: Relay, audit: Audit, stop: () => void): Record<string, ApiCommand> {
  return auditedCommand(audit, {
    name: 'down',
    schema: z.strictObject({}),
    subject: () => null,
    async run(_, caller, { afterwards }) {
      // Also when something cannot be removed: a daemon that mends nothing any more should not stay.
      afterwards(stop);
      // What waits to be confirmed is not, and its guard has nothing to bring back.
      await relay.store.update((state) => ({
        state: withChangesSettled(withTunnelsBack(state, null), null),
        result: null,
      }));
      const { removed, kept, errors } = await relay.kernel.teardown();
      throwTeardownErrors(errors, 'controller');
      caller.record({ event: 'down', details: {} });
      return { removed, kept };
    },
  });
}
