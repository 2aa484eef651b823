/** `controller unpair`. */

import type { Command } from 'commander';
import { z } from 'zod';
import type { CommandContext } from './context.js';

export function addUnpairCommand(program: Command, context: () => CommandContext): void {
  program
    .command('unpair')
    .summary('revoke a backend and remove everything of its pairing on both sides')
    .description('Revokes the backend at once and cleans up here; an offline backend hears it when it next connects.')
    .argument('<backend>')
    .action(async (backend: string) => {
      const { console, call } = context();
      const outcome = z
        .looseObject({ wasEnrolled: z.boolean(), cleaned: z.boolean() })
        .parse(await call('unpair', { backend }));
      console.document(outcome);
      console.line(`${backend} is unpaired and revoked; nothing of it is left here`);
      if (!outcome.wasEnrolled) return console.line('it had not enrolled; its token is worth nothing now');
      console.line(
        outcome.cleaned
          ? 'the backend has cleaned up as well'
          : 'the backend is offline: it hears it when it next connects, and cleans up then',
      );
    });
}
