/** `agent plan` and `agent down`: what changes the kernel as a whole. */

import { RelayError } from '@homeward/shared/errors/relay-error';
import type { Teardown } from '@homeward/shared/reconcile/reconciler';
import { printPlan, printTeardown, throwTeardownErrors } from '@homeward/shared/terminal/plan-text';
import { requireRoot } from '@homeward/shared/terminal/preflight';
import type { Command } from 'commander';
import { z } from 'zod';
import type { CommandContext } from './context.js';
import { kernelWithoutDaemon } from './without-daemon.js';

const teardownSchema = z.object({ removed: z.array(z.string()), kept: z.array(z.string()) });

export function addKernelCommands(program: Command, context: () => CommandContext): void {
  program
    .command('plan')
    .summary('what would change in the kernel')
    .description('Compares the kernel with what it should be; changes nothing and needs no daemon.')
    .action(async () => {
      const current = context();
      requireRoot(current.uid, 'agent plan');
      const state = await current.side.stateFile.read();
      printPlan(current.console, await (await kernelWithoutDaemon(current, () => state)).plan());
    });
  program
    .command('down')
    .summary("remove all of homeward's agent side from the kernel")
    .description(
      'Stops the daemon if it runs and removes links, tables and rules. Pairings and keys are kept: agent run brings everything back.',
    )
    .action(async () => {
      const current = context();
      requireRoot(current.uid, 'agent down');
      printTeardown(current.console, await tearDown(current));
    });
}

async function tearDown(context: CommandContext): Promise<Pick<Teardown, 'removed' | 'kept'>> {
  try {
    return teardownSchema.parse(await context.call('down', {}));
  } catch (error) {
    if (!(error instanceof RelayError) || error.code !== 'no-daemon') throw error;
  }
  const teardown = await (await kernelWithoutDaemon(context, () => null)).teardown();
  throwTeardownErrors(teardown.errors, 'agent');
  return teardown;
}
