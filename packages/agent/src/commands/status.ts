/** `agent status`. */

import type { DocumentedCommand } from '@homeward/shared/terminal/manual/documented-command';
import { addWatchOptions, showOrWatch, type WatchFlags } from '@homeward/shared/terminal/watch-options';
import type { CommandContext } from './context.js';
import { statusLines, statusSchema } from './status-lines.js';

export function addStatusCommand(program: DocumentedCommand, context: () => CommandContext): void {
  const command = program
    .command('status')
    .summary('how things are')
    .description(
      'Shows the relays of this backend, their tunnels and forwards, and what the policy refused, with the line that would allow it.\nWith --watch again and again; Ctrl-C ends it, a daemon that goes away does not.',
    )
    .example('agent status', 'everything, at a glance')
    .example('agent status --watch', 'live');
  addWatchOptions(command).action(async (flags: WatchFlags) => {
    const { console, call, interrupt } = context();
    await showOrWatch(
      {
        title: 'agent status',
        ask: async () => statusSchema.parse(await call('status', {})),
        lines: ({ document }) => statusLines(document, console.style),
      },
      flags,
      console,
      interrupt,
    );
  });
}
