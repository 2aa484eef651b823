/** `agent run`: the daemon in the foreground. */

import { parseDuration } from '@homeward/shared/terminal/duration';
import { createLogger } from '@homeward/shared/terminal/logger';
import { requirePrograms, requireRoot } from '@homeward/shared/terminal/preflight';
import { VERSION } from '@homeward/shared/terminal/version';
import type { Command } from 'commander';
import { run } from '../run.js';
import type { CommandContext } from './context.js';
import { refuseTokenArgument, tokenFromFileOrEnvironment } from './token-source.js';

export function addRunCommand(program: Command, context: () => CommandContext): void {
  program
    .command('run')
    .summary('the daemon, in the foreground')
    .description(
      'Keeps a session with every relay and the kernel as it should be. Traffic goes on without it.\nWith the token of a relay it is not paired with (--token-file or HOMEWARD_TOKEN) it enrolls first.',
    )
    .argument('[token...]', 'refused: a token as argument would be seen by others')
    .option('--token-file <file>', 'read the token from this file')
    .option('--timeout <time>', 'how long an unreachable relay is tried when enrolling', '2m')
    .option('--no-repair', 'watch, do not mend')
    .action(async (given: string[], options: { tokenFile?: string; timeout: string; repair: boolean }) => {
      const { side, runner, policyFile, uid, debug, interrupt } = context();
      refuseTokenArgument(given);
      requireRoot(uid, 'agent run');
      await requirePrograms(runner);
      await side.prepare();
      await run(
        {
          side,
          logger: createLogger('agent', debug),
          policyFile,
          repair: options.repair,
          token: await tokenFromFileOrEnvironment(options.tokenFile),
          enrollTimeoutMs: parseDuration(options.timeout, '--timeout'),
          path: process.env['PATH'],
          version: VERSION,
        },
        interrupt,
      );
    });
}
