/** `agent install` and `uninstall`: what is special about the agent's service. */

import { RelayError } from '@homeward/shared/errors/relay-error';
import { requirePrograms } from '@homeward/shared/terminal/preflight';
import { daemonArgv, type ServiceContext, type ServiceTexts } from '@homeward/shared/terminal/service-commands';
import type { Command } from 'commander';
import { readPolicy } from '../policy.js';
import { pairedRelays } from '../store/relays.js';
import type { CommandContext } from './context.js';
import { storedKernel } from './without-daemon.js';

export const SERVICE_TEXTS: ServiceTexts = {
  install: `Writes the unit homeward-agent.service (or uses a package's that says the same), starts it and waits until it is active: the kernel set up, the daemon answering. agent enroll does this by itself; it is for after enroll --no-service, and after an update, when the daemon is started anew while traffic goes on.
--state-dir, --run-dir and --policy given here are kept in the unit.
Where systemd does not run, nothing is changed: the unit and the commands are printed, exit code 4.`,
  left: 'Keys and pairings stay in the state directory: after another install this backend finds its relays again. To end the pairings as well, run agent leave before.',
};

export function serviceContext(program: Command, context: CommandContext): ServiceContext {
  const { stateDir, runDir, runner, call, policyFile, side } = context;
  return {
    ...context,
    unit: { side: 'agent', argv: daemonArgv(program, 'run'), stateDir, runDir },
    foreground: 'agent run',
    kernel: () => storedKernel(context),
    async check() {
      await requirePrograms(runner);
      await readPolicy(policyFile);
      const state = (await side.storedState())();
      if (state !== null && pairedRelays(state).length > 0) return;
      throw new RelayError(
        'bad-input',
        'this backend is paired with no relay, so its daemon would have nothing to do',
        {
          hint: 'enroll it, which installs the service as well: agent enroll',
        },
      );
    },
    ping: () => call('status', {}),
  };
}
