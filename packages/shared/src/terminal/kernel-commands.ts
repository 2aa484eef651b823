/** `plan` and `down`, the same on both sides: what changes the kernel as a whole, with or without a daemon. */

import type { DocumentedCommand } from './manual/documented-command.js';
import { printPlan, printTeardown } from './plan-text.js';
import { requireRoot } from './preflight.js';
import { type TeardownContext, takeDown } from './teardown.js';

/** Adds both commands to `controller` or `agent`; `start` is what brings everything back. */
export function addKernelCommands(
  program: DocumentedCommand,
  side: 'controller' | 'agent',
  start: string,
  context: () => TeardownContext,
): void {
  program
    .command('plan')
    .summary('what would change in the kernel')
    .description(
      'Compares the kernel with what it should be, line by line. Changes nothing and needs no daemon; without differences the kernel is as it should be.',
    )
    .example(`${side} plan`, 'after somebody else has changed the firewall')
    .action(async () => {
      const { console, uid, kernel } = context();
      requireRoot(uid, `${side} plan`);
      printPlan(console, await (await kernel()).plan());
    });
  program
    .command('down')
    .summary(`take all of homeward's ${side} side out of the kernel`)
    .description(
      `Stops the daemon if it runs, and disables its service; removes links, tables and rules, puts sysctls back. Traffic through the relay ends. Pairings and keys are kept: ${start} brings everything back.`,
    )
    .example(`${side} down`, 'leave the machine as it was found')
    .action(async () => {
      const current = context();
      requireRoot(current.uid, `${side} down`);
      const removal = await takeDown(side, current);
      printTeardown(current.console, removal);
      if (removal.unit !== null) {
        current.console.line(
          `${removal.unit} is stopped and disabled; start it again: systemctl enable --now ${removal.unit}`,
        );
      }
    });
}
