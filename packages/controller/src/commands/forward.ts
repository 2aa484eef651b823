/** `controller forward add|remove|list`. */

import type { Command } from 'commander';
import { z } from 'zod';
import type { CommandContext } from './context.js';
import { checkSpecs } from './specs.js';

const outcomeSchema = z.looseObject({
  backend: z.string(),
  forwards: z.array(z.string()),
  changed: z.boolean().optional(),
  state: z.enum(['applied', 'offline', 'waiting']).optional(),
});

export function addForwardCommands(program: Command, context: () => CommandContext): void {
  const forward = program
    .command('forward')
    .summary('change forwards while everything runs')
    .description('Adds, removes and lists the forwards of a backend.');
  forward
    .command('add')
    .description('Adds forwards, for example: controller forward add home 443/tcp 53/tcp+udp')
    .argument('<backend>')
    .argument('<spec...>')
    .option('--take-over', 'forward ports on which something of this relay listens')
    .action((backend: string, specs: string[], options: { takeOver?: boolean }) =>
      change(context(), 'forward-add', { backend, specs, takeOver: options.takeOver === true }),
    );
  forward
    .command('remove')
    .description('Removes forwards; taking 53/udp from 53/tcp+udp leaves 53/tcp.')
    .argument('<backend>')
    .argument('<spec...>')
    .action((backend: string, specs: string[]) => change(context(), 'forward-remove', { backend, specs }));
  forward
    .command('list')
    .description("Lists a backend's forwards.")
    .argument('<backend>')
    .action(async (backend: string) => {
      const { console, call } = context();
      const outcome = outcomeSchema.parse(await call('forward-list', { backend }));
      console.document(outcome);
      console.line(outcome.forwards.length === 0 ? `${backend} has no forwards` : outcome.forwards.join('\n'));
    });
}

async function change(
  { console, call }: CommandContext,
  command: string,
  args: { backend: string; specs: string[]; takeOver?: boolean },
): Promise<void> {
  checkSpecs(args.specs);
  const outcome = outcomeSchema.parse(await call(command, args));
  console.document(outcome);
  if (outcome.changed === false) console.line('no change: that is forwarded already');
  console.line(`${outcome.backend} forwards: ${outcome.forwards.join(', ') || 'none'}`);
  if (outcome.state === 'waiting') {
    console.line(
      console.style(
        'yellow',
        `${outcome.backend} has not enrolled yet: for a token run controller pair ${outcome.backend}`,
      ),
    );
  }
  if (outcome.state === 'offline') {
    console.line(console.style('yellow', `${outcome.backend} is offline: its side is set up when it comes back`));
  }
}
