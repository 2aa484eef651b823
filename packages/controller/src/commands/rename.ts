/** `controller rename`. */

import { parseBackendName } from '@homeward/shared/net/names';
import type { DocumentedCommand } from '@homeward/shared/terminal/manual/documented-command';
import { z } from 'zod';
import type { CommandContext } from './context.js';

const outcomeSchema = z.looseObject({
  backend: z.string(),
  previous: z.string(),
  changed: z.boolean(),
  state: z.enum(['online', 'offline', 'waiting']),
});

type Outcome = z.infer<typeof outcomeSchema>;

export function addRenameCommand(program: DocumentedCommand, context: () => CommandContext): void {
  program
    .command('rename')
    .summary('give a backend another name while everything runs')
    .description(
      'Changes the name alone: keys, addresses, tunnel and forwards stay, traffic goes on, tokens for the old name are for the new one.',
    )
    .argument('<backend>', 'its name now')
    .argument('<new-name>', 'lower case letters, digits, dashes')
    .example('controller rename web-3 shop', 'a better name for what a token named by number')
    .action(async (backend: string, newName: string) => {
      const { console, call } = context();
      parseBackendName(newName);
      const outcome = outcomeSchema.parse(await call('rename', { backend, name: newName }));
      console.document(outcome);
      console.line(outcome.changed ? changedText(outcome) : `no change: it is called ${outcome.backend} already`);
    });
}

function changedText({ backend, previous, state }: Outcome): string {
  const heard = {
    online: 'the backend has been told',
    offline: 'the backend is offline: it hears it when it next connects',
    waiting: 'it has not enrolled yet; a token for the old name is for the new one',
  } satisfies Record<Outcome['state'], string>;
  return `${previous} is now called ${backend}; ${heard[state]}`;
}
