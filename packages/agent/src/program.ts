/** The agent's command tree: every command, grouped by purpose, in the order a newcomer needs them. */

import { addGuardCommand } from '@homeward/shared/confirm/guard-command';
import { addAuditCommand } from '@homeward/shared/terminal/audit-command';
import { addCompletionCommands } from '@homeward/shared/terminal/completion/completion-commands';
import { addDoctorCommand } from '@homeward/shared/terminal/doctor-command';
import { createProgram } from '@homeward/shared/terminal/global-options';
import { addKernelCommands } from '@homeward/shared/terminal/kernel-commands';
import type { DocumentedCommand } from '@homeward/shared/terminal/manual/documented-command';
import { addManualCommands } from '@homeward/shared/terminal/manual/manual-commands';
import { EXIT_CODES, environmentTopic } from '@homeward/shared/terminal/manual/shared-topics';
import { createTerminal, type Terminal } from '@homeward/shared/terminal/program';
import { addInstallCommand, addUninstallCommand } from '@homeward/shared/terminal/service-commands';
import { Option } from 'commander';
import { contextOf } from './commands/context.js';
import { addDeviceCommand } from './commands/device.js';
import { addEnrollCommand } from './commands/enroll.js';
import { guardedBackend } from './commands/guard.js';
import { SERVICE_TEXTS, serviceContext } from './commands/install.js';
import { addLeaveCommand } from './commands/leave.js';
import { nameSources } from './commands/names.js';
import { addRunCommand } from './commands/run.js';
import { addStatusCommand } from './commands/status.js';
import { DEFAULT_POLICY_FILE, FILES, POLICY, VARIABLES } from './commands/topics.js';
import { storedKernel } from './commands/without-daemon.js';

export interface AgentProgram {
  readonly program: DocumentedCommand;
  readonly terminal: Terminal;
}

/** `interrupt` aborts with Ctrl-C. */
export function agentProgram(interrupt: AbortSignal): AgentProgram {
  const program = createProgram('agent')
    .addOption(
      new Option('--policy <file>', 'what relays may reach').env('HOMEWARD_POLICY').default(DEFAULT_POLICY_FILE),
    )
    .summary('let services behind a relay see the real client')
    .description(
      "homeward at the backend: services see each client's real IP address although a relay forwards it, and replies return through the tunnel they came in by. The kernel forwards every packet; this program sets that up and watches over it.",
    )
    .example('agent enroll', 'asks for the token that "controller pair NAME" printed at the relay; starts the daemon')
    .example('agent status', 'how things are')
    .topic(POLICY)
    .topic(FILES);
  program.topic(environmentTopic(program, VARIABLES)).topic(EXIT_CODES);
  const terminal = createTerminal(program);
  const context = () => contextOf(program, terminal.console(), interrupt);
  const service = () => serviceContext(program, context());

  program.commandsGroup('Set up:');
  addEnrollCommand(program, context, service);
  addRunCommand(program, context);
  addInstallCommand(program, SERVICE_TEXTS, service);
  program.commandsGroup('Watch:');
  addStatusCommand(program, context);
  addAuditCommand(program, context);
  program.commandsGroup('Relays:');
  addDeviceCommand(program, context);
  addLeaveCommand(program, context);
  program.commandsGroup('The kernel and this machine:');
  addDoctorCommand(program, () => {
    const current = context();
    return { ...current, status: () => current.call('status', {}) };
  });
  addKernelCommands(program, 'agent', 'agent install (or run)', () => {
    const current = context();
    return { ...current, kernel: () => storedKernel(current) };
  });
  addUninstallCommand(program, SERVICE_TEXTS, service);
  program.commandsGroup('Help:');
  addManualCommands(program, ['controller(8)', 'nft(8)', 'ip(8)', 'wg(8)', 'systemctl(1)'], terminal.console);
  addCompletionCommands(program, () => nameSources(context()));
  addGuardCommand(program, 'agent', () => guardedBackend(context()));
  return { program, terminal };
}
