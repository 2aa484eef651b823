/** `controller unpair`. */

import type { DocumentedCommand } from '@homeward/shared/terminal/manual/documented-command';
import { z } from 'zod';
import type { CommandContext } from './context.js';

export function addUnpairCommand(program: DocumentedCommand, context: () => CommandContext): void {
  program
    .command('unpair')
    .summary('revoke a backend and remove its pairing on both sides')
    .description(
      'Revokes the backend at once and removes its forwards and its tunnel here; the backend cleans up as well, if offline when it next connects. To come back it needs a new token.',
    )
    .argument('<backend>', 'its name, as in controller status')
    .example('controller unpair home', 'home is given away, lost, or not needed any more')
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
