/** `controller status`. */

import type { DocumentedCommand } from '@homeward/shared/terminal/manual/documented-command';
import { addWatchOptions, showOrWatch, type WatchFlags } from '@homeward/shared/terminal/watch-options';
import type { CommandContext } from './context.js';
import { ratesBetween, statusSchema } from './status-document.js';
import { statusLines } from './status-lines.js';

export function addStatusCommand(program: DocumentedCommand, context: () => CommandContext): void {
  const command = program
    .command('status')
    .summary('how things are')
    .description(
      'Shows the relay, its backends, their tunnels and forwards with the bytes each has carried, and the last proof. What failed or is pending comes first.\nWith --watch also how fast each forward carries bytes; Ctrl-C ends it, a daemon that goes away does not.',
    )
    .argument('[backend]', 'only this one')
    .example('controller status', 'everything, at a glance')
    .example('controller status home --watch', 'live, with rates')
    .example(
      `controller status --json | jq -r '.backends[] | select(.state != "online") | .name'`,
      'names of the backends that are not online',
    );
  addWatchOptions(command).action(async (backend: string | undefined, flags: WatchFlags) => {
    const { console, call, interrupt } = context();
    await showOrWatch(
      {
        title: ['controller status', ...(backend === undefined ? [] : [backend])].join(' '),
        ask: async () => statusSchema.parse(await call('status', { backend: backend ?? null })),
        lines: (now, before) =>
          statusLines(now.document, console.style, before === null ? null : ratesBetween(before, now)),
      },
      flags,
      console,
      interrupt,
    );
  });
}
