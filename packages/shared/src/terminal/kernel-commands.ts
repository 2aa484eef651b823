/** `plan` and `down`, the same on both sides: what changes the kernel as a whole, with or without a daemon. */

import type { Command } from 'commander';
import { z } from 'zod';
import { RelayError } from '../errors/relay-error.js';
import { takeInstanceLock } from '../local/instance-lock.js';
import type { Reconciler, Teardown } from '../reconcile/reconciler.js';
import type { Console } from './console.js';
import { printPlan, printTeardown, throwTeardownErrors } from './plan-text.js';
import { requireRoot } from './preflight.js';

type Removal = Pick<Teardown, 'removed' | 'kept'>;

const removalSchema = z.object({ removed: z.array(z.string()), kept: z.array(z.string()) });

export interface KernelCommandContext {
  readonly console: Console;
  readonly uid: number;
  /** Asks the daemon. */
  call(command: string, args: unknown): Promise<unknown>;
  /** A reconciler over the stored state, for use without a daemon. */
  kernel(): Promise<Reconciler>;
}

/** Adds both commands to `controller` or `agent`; `start` is what brings everything back. */
export function addKernelCommands(program: Command, start: string, context: () => KernelCommandContext): void {
  const name = program.name();
  program
    .command('plan')
    .summary('what would change in the kernel')
    .description('Compares the kernel with what it should be; changes nothing and needs no daemon.')
    .action(async () => {
      const { console, uid, kernel } = context();
      requireRoot(uid, `${name} plan`);
      printPlan(console, await (await kernel()).plan());
    });
  program
    .command('down')
    .summary(`remove all of homeward's ${name} side from the kernel`)
    .description(
      `Stops the daemon if it runs, removes links, tables and rules, puts sysctls back. Pairings and keys are kept: ${start} brings everything back.`,
    )
    .action(async () => {
      const current = context();
      requireRoot(current.uid, `${name} down`);
      printTeardown(current.console, await tearDown(current, name));
    });
}

async function tearDown({ call, kernel }: KernelCommandContext, name: string): Promise<Removal> {
  try {
    return removalSchema.parse(await call('down', {}));
  } catch (error) {
    if (!(error instanceof RelayError) || error.code !== 'no-daemon') throw error;
  }
  // A daemon that listens elsewhere would put everything back at once: then this throws.
  const lock = await takeInstanceLock(name);
  try {
    const teardown = await (await kernel()).teardown();
    throwTeardownErrors(teardown.errors, name);
    return teardown;
  } finally {
    await lock.release();
  }
}
