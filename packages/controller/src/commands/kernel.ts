/** `controller plan`, `down` and `unpair`: what changes the kernel as a whole. */

import { RelayError } from '@homeward/shared/errors/relay-error';
import type { Reconciler, Teardown } from '@homeward/shared/reconcile/reconciler';
import { createLogger } from '@homeward/shared/terminal/logger';
import { printPlan, printTeardown, throwTeardownErrors } from '@homeward/shared/terminal/plan-text';
import { requireRoot } from '@homeward/shared/terminal/preflight';
import type { Command } from 'commander';
import { z } from 'zod';
import { createRelayKernel } from '../daemon/relay-kernel.js';
import type { CommandContext } from './context.js';

const teardownSchema = z.object({ removed: z.array(z.string()), kept: z.array(z.string()) });

export function addKernelCommands(program: Command, context: () => CommandContext): void {
  program
    .command('plan')
    .summary('what would change in the kernel')
    .description('Compares the kernel with what it should be; changes nothing and needs no daemon.')
    .action(async () => {
      const current = context();
      requireRoot(current.uid, 'controller plan');
      printPlan(current.console, await (await kernelWithoutDaemon(current)).plan());
    });
  program
    .command('down')
    .summary("remove all of homeward's controller side from the kernel")
    .description(
      'Stops the daemon if it runs, removes links, tables and rules, puts sysctls back. Pairings and keys are kept: controller serve brings everything back.',
    )
    .action(async () => {
      const current = context();
      requireRoot(current.uid, 'controller down');
      printTeardown(current.console, await tearDown(current));
    });
  program
    .command('unpair')
    .summary('revoke a backend and remove everything of its pairing on both sides')
    .description('Revokes the backend at once and cleans up here; an offline backend hears it when it next connects.')
    .argument('<backend>')
    .action(async (backend: string) => {
      const { console, call } = context();
      const outcome = z.looseObject({ cleaned: z.boolean() }).parse(await call('unpair', { backend }));
      console.document(outcome);
      console.line(`${backend} is unpaired and revoked; nothing of it is left here`);
      console.line(
        outcome.cleaned
          ? 'the backend has cleaned up as well'
          : 'the backend is offline: it hears it when it next connects, and cleans up then',
      );
    });
}

async function tearDown(context: CommandContext): Promise<Pick<Teardown, 'removed' | 'kept'>> {
  try {
    return teardownSchema.parse(await context.call('down', {}));
  } catch (error) {
    if (!(error instanceof RelayError) || error.code !== 'no-daemon') throw error;
  }
  const teardown = await (await kernelWithoutDaemon(context)).teardown();
  throwTeardownErrors(teardown.errors, 'controller');
  return teardown;
}

async function kernelWithoutDaemon({ side, runner, debug }: CommandContext): Promise<Reconciler> {
  const state = await side.stateFile.read();
  return createRelayKernel({
    runner,
    ledger: await side.openLedger(),
    logger: createLogger('controller', debug),
    repair: true,
    state: () => state,
  });
}
