/** `controller serve`: the daemon in the foreground. */

import { resolve } from 'node:path';
import { notifyTarget } from '@homeward/shared/service/notifier';
import { collect } from '@homeward/shared/terminal/collect';
import type { DocumentedCommand } from '@homeward/shared/terminal/manual/documented-command';
import { requirePrograms, requireRoot } from '@homeward/shared/terminal/preflight';
import { VERSION } from '@homeward/shared/terminal/version';
import { DEFAULT_CONFIG_FILE, loadSettings, type ServeFlags } from '../config.js';
import type { CommandContext } from './context.js';

export function addServeCommand(
  program: DocumentedCommand,
  context: () => CommandContext,
  interrupt: AbortSignal,
): void {
  program
    .command('serve')
    .summary('run the daemon in the foreground')
    .description(
      'Keeps the control channel to the backends and the kernel as it should be, until Ctrl-C. Traffic goes on without it; started again, it finds everything as it was. controller install runs it as a service.',
    )
    .option('--listen <address>', 'where agents connect (default: [::]:7700)')
    .option(
      '--endpoint <host>',
      'what agents dial: HOST[:PORT] or a ws(s):// URL (default: the address of the default route)',
      collect,
    )
    .option('--wireguard-port <port>', "WireGuard's UDP port (default: 51820, or the next free one)")
    .option('--pool <prefix>', 'tunnel addresses (default: a random /20 of 10.64.0.0/10, kept)')
    .option('--no-repair', 'watch, do not mend')
    .option('--config <file>', `settings file (default: ${DEFAULT_CONFIG_FILE}, if it is there)`)
    .example('controller serve --endpoint relay.example.org', 'behind a 1:1 NAT, as clouds have it: what agents dial')
    .example('controller serve --no-repair', 'only watch, and tell what others changed in the kernel')
    .action(async (flags: ServeFlags) => {
      const { side, runner, stateDir, runDir, uid, debug } = context();
      const settings = await loadSettings(flags, DEFAULT_CONFIG_FILE);
      requireRoot(uid, 'controller serve');
      await requirePrograms(runner);
      await side.prepare();
      const [{ serve }, { createLogger }] = await Promise.all([
        import('../serve.js'),
        import('@homeward/shared/terminal/logger'),
      ]);
      const self = [process.execPath, process.argv[1] ?? ''];
      await serve(
        {
          side,
          settings,
          logger: createLogger('controller', debug),
          clientProgram: [...self, 'synthetic-client'],
          guardProgram: {
            argv: [...self, '--state-dir', resolve(stateDir), '--run-dir', resolve(runDir), 'guard'],
            ...{ side: 'controller', stateDir, runDir, path: process.env['PATH'] },
          },
          path: process.env['PATH'],
          version: VERSION,
          notifyTarget: notifyTarget(process.env, process.pid),
        },
        interrupt,
      );
    });
}
