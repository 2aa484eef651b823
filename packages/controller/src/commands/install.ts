/** `controller install` and `uninstall`: what is special about the controller's service. */

import { requirePrograms } from '@homeward/shared/terminal/preflight';
import { daemonArgv, type ServiceContext, type ServiceTexts } from '@homeward/shared/terminal/service-commands';
import type { Command } from 'commander';
import { DEFAULT_CONFIG_FILE, loadSettings } from '../config.js';
import type { CommandContext } from './context.js';

export const SERVICE_TEXTS: ServiceTexts = {
  install: `Makes the state directory, writes the unit homeward-controller.service (or uses a package's that says the same), starts it and waits until it is active: the kernel set up, the daemon answering. Repeat it after an update: the daemon is started anew while traffic goes on.
Settings of the daemon go into ${DEFAULT_CONFIG_FILE} (controller help files); --state-dir and --run-dir given here are kept in the unit.
Where systemd does not run, nothing is changed: the unit and the commands are printed, exit code 4.`,
  left: 'Keys and pairings stay in the state directory: after another install the backends find this relay again. Delete the directory to forget them.',
};

export function serviceContext(program: Command, context: CommandContext): ServiceContext {
  const { stateDir, runDir, runner, call } = context;
  return {
    ...context,
    unit: { side: 'controller', argv: daemonArgv(program, 'serve'), stateDir, runDir },
    foreground: 'controller serve',
    async check() {
      await loadSettings({ repair: true }, DEFAULT_CONFIG_FILE);
      await requirePrograms(runner);
    },
    ping: () => call('status', { backend: null }),
  };
}
