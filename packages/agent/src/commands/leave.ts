/** `agent leave`. */

import { RelayError } from '@homeward/shared/errors/relay-error';
import type { DocumentedCommand } from '@homeward/shared/terminal/manual/documented-command';
import { z } from 'zod';
import type { CommandContext } from './context.js';
import { leaveWithoutDaemon } from './without-daemon.js';

const leaveSchema = z.object({ name: z.string(), slot: z.number(), told: z.boolean() });

export function addLeaveCommand(program: DocumentedCommand, context: () => CommandContext): void {
  program
    .command('leave')
    .summary('unpair from a relay')
    .description(
      'Ends the pairing with a relay and removes everything of it from this backend; the relay is told where it can be reached. Other relays stay. To come back, this backend needs a new token.',
    )
    .argument('[relay]', 'name or slot, as in agent status; needed only where there are several')
    .example('agent leave', 'the only relay')
    .example('agent leave home', 'one of several')
    .action(async (relay: string | undefined) => {
      const current = context();
      const { console } = current;
      const outcome = await leave(current, relay ?? null);
      console.document(outcome);
      console.line(`left the relay in slot ${outcome.slot} ("${outcome.name}"); nothing of it is left here`);
      if (!outcome.told) {
        console.line(console.style('yellow', `the relay was not told: run there: controller unpair ${outcome.name}`));
      }
    });
}

async function leave(context: CommandContext, relay: string | null): Promise<z.infer<typeof leaveSchema>> {
  try {
    return leaveSchema.parse(await context.call('leave', { relay }));
  } catch (error) {
    if (!(error instanceof RelayError) || error.code !== 'no-daemon') throw error;
  }
  return leaveWithoutDaemon(context, relay);
}
