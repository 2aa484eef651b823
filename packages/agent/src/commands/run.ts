/** `agent run`: the daemon in the foreground. */

import { resolve } from 'node:path';
import { notifyTarget } from '@homeward/shared/service/notifier';
import { parseDuration } from '@homeward/shared/terminal/duration';
import type { DocumentedCommand } from '@homeward/shared/terminal/manual/documented-command';
import { requirePrograms, requireRoot } from '@homeward/shared/terminal/preflight';
import { VERSION } from '@homeward/shared/terminal/version';
import type { Command } from 'commander';
import type { CommandContext } from './context.js';
import { type DeviceOptions, parseDeviceOptions } from './device.js';
import { refuseTokenArgument, tokenFromFileOrEnvironment } from './token-source.js';

interface RunOptions extends DeviceOptions {
  readonly tokenFile?: string;
  readonly timeout: string;
  readonly repair: boolean;
}

export function addRunCommand(program: DocumentedCommand, context: () => CommandContext): void {
  program
    .command('run')
    .summary('run the daemon in the foreground')
    .description(
      'Keeps a session with every relay and the kernel as it should be, until Ctrl-C. Traffic goes on without it; started again, it finds everything as it was.\nWith the token of a relay it is not paired with (--token-file or HOMEWARD_TOKEN) it enrolls first; with neither pairing nor token it ends with exit code 2.',
    )
    // Not declared, since help would show it: a token as argument is refused with the right way.
    .allowExcessArguments()
    .option('--token-file <file>', 'read the token from this file')
    .option('--timeout <time>', 'how long an unreachable relay is tried when enrolling: 90s, 5m', '2m')
    .option('--device <device>', 'when enrolling for an external tunnel: the device that leads to the relay')
    .option('--gateway <address>', "the relay's address on a device that several machines share")
    .option('--no-repair', 'watch, do not mend')
    .example('agent run', 'after agent enroll, where systemd does not run')
    .example('agent run --token-file /run/secrets/homeward', 'in a container: enrolls at its first start')
    .action(async (options: RunOptions, command: Command) => {
      const { side, runner, stateDir, runDir, policyFile, uid, debug, interrupt } = context();
      refuseTokenArgument(command.args);
      const device = parseDeviceOptions(options);
      requireRoot(uid, 'agent run');
      await requirePrograms(runner);
      await side.prepare();
      // Loaded by the commands that need them: the others start in half the time.
      const [{ run }, { createLogger }] = await Promise.all([
        import('../run.js'),
        import('@homeward/shared/terminal/logger'),
      ]);
      const directories = ['--state-dir', resolve(stateDir), '--run-dir', resolve(runDir)];
      const self = [process.execPath, process.argv[1] ?? '', ...directories, '--policy', resolve(policyFile)];
      await run(
        {
          side,
          logger: createLogger('agent', debug),
          policyFile,
          repair: options.repair,
          token: await tokenFromFileOrEnvironment(options.tokenFile),
          device,
          enrollTimeoutMs: parseDuration(options.timeout, '--timeout'),
          guardProgram: {
            argv: [...self, 'guard'],
            ...{ side: 'agent', stateDir, runDir, path: process.env['PATH'] },
          },
          path: process.env['PATH'],
          version: VERSION,
          notifyTarget: notifyTarget(process.env, process.pid),
        },
        interrupt,
      );
    });
}
