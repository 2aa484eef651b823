/** Takes one side out of the kernel so that it stays out: its daemon tears down, or we do it ourselves, and its service is disabled. */

import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';
import { RelayError } from '../errors/relay-error.js';
import type { Runner } from '../host/runner.js';
import { needsSystemdUnit } from '../host/systemd.js';
import { takeLocks } from '../local/instance-lock.js';
import type { Reconciler, Teardown } from '../reconcile/reconciler.js';
import type { Side } from '../reconcile/side.js';
import { executeSteps } from '../service/execute.js';
import { standDownPlan } from '../service/plan.js';
import { isInstalled, serviceState } from '../service/service-state.js';
import { unitName } from '../service/unit.js';
import { audited } from './audit-command.js';
import type { Console } from './console.js';
import { throwTeardownErrors } from './plan-text.js';

export interface TeardownContext {
  readonly console: Console;
  readonly runner: Runner;
  /** Where this side keeps its state and its audit log. */
  readonly side: Pick<Side<never>, 'lock' | 'auditPath'>;
  readonly uid: number;
  readonly interrupt: AbortSignal;
  /** Asks the daemon. */
  call(command: string, args: unknown): Promise<unknown>;
  /** A reconciler over the stored state, for use without a daemon. */
  kernel(): Promise<Reconciler>;
}

const removalSchema = z.object({ removed: z.array(z.string()), kept: z.array(z.string()) });

export type Removal = Pick<Teardown, 'removed' | 'kept'> & {
  /** The service that was ended and disabled, or null. */
  readonly unit: string | null;
};

/** Throws what could not be removed; then it may be repeated. */
export async function takeDown(side: 'controller' | 'agent', context: TeardownContext): Promise<Removal> {
  // The daemon itself where it runs: it knows its state directory, whatever the service was installed with.
  const byDaemon = await downByDaemon(context);
  const unit = await endService(side, context);
  return { ...(byDaemon ?? (await tearDown(side, context))), unit };
}

/** Null when no daemon answers. It ends then, with exit code 0, so that systemd does not start it again. */
async function downByDaemon(context: TeardownContext): Promise<Omit<Removal, 'unit'> | null> {
  try {
    return removalSchema.parse(await context.call('down', {}));
  } catch (error) {
    if (error instanceof RelayError && error.code === 'no-daemon') return null;
    throw error;
  }
}

/** The next boot, or the next try of a daemon that does not come up, would set everything up again. */
async function endService(side: 'controller' | 'agent', context: TeardownContext): Promise<string | null> {
  const { runner, uid, interrupt } = context;
  const unit = unitName(side);
  if (!(await needsSystemdUnit()) || !isInstalled(await serviceState(runner, unit))) return null;
  await executeSteps(standDownPlan(side), runner, uid, interrupt);
  return unit;
}

async function tearDown(side: 'controller' | 'agent', context: TeardownContext): Promise<Omit<Removal, 'unit'>> {
  // A daemon that listens elsewhere would put everything back at once: then this throws.
  const lock = await takeLocks(side, context.side);
  try {
    const teardown = await (await context.kernel()).teardown();
    throwTeardownErrors(teardown.errors, side);
    await recordDown(context.side.auditPath);
    return teardown;
  } finally {
    await lock.release();
  }
}

/** Where homeward never ran there is nothing to record, nor a place for it. */
async function recordDown(auditPath: string): Promise<void> {
  if (!existsSync(dirname(auditPath))) return;
  await audited(auditPath, async (audit) => audit.record({ event: 'down', details: {} }));
}
