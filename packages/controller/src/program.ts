/** The controller's command tree: every command, grouped by purpose, in the order a newcomer needs them. */

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
import { contextOf } from './commands/context.js';
import { addForwardCommands } from './commands/forward.js';
import { guardedRelay } from './commands/guard.js';
import { SERVICE_TEXTS, serviceContext } from './commands/install.js';
import { nameSources } from './commands/names.js';
import { addPairCommand } from './commands/pair.js';
import { addProbeCommand } from './commands/probe.js';
import { addRenameCommand } from './commands/rename.js';
import { addServeCommand } from './commands/serve.js';
import { addStatusCommand } from './commands/status.js';
import { addTokenCommands } from './commands/token.js';
import { FILES, FORWARDS, VARIABLES } from './commands/topics.js';
import { addTransferCommands } from './commands/transfer.js';
import { addUnpairCommand } from './commands/unpair.js';

export interface ControllerProgram {
  readonly program: DocumentedCommand;
  readonly terminal: Terminal;
}

/** `interrupt` aborts with Ctrl-C. */
export function controllerProgram(interrupt: AbortSignal): ControllerProgram {
  const program = createProgram('controller')
    .summary('forward public ports to backends that see the real client')
    .description(
      "homeward on the relay: forwards public ports to backends behind tunnels, whose services see each client's real IP address. The kernel forwards every packet; this program sets that up, proves it and watches over it.",
    )
    .example('controller install', 'the daemon, now and at every boot')
    .example(
      'controller pair home --forward 443/tcp',
      'prints a token, waits for "agent enroll" at the backend, proves it',
    )
    .example('controller status', 'how things are')
    .topic(FORWARDS)
    .topic(FILES);
  program.topic(environmentTopic(program, VARIABLES)).topic(EXIT_CODES);
  const terminal = createTerminal(program);
  const context = () => contextOf(program, terminal.console(), interrupt);
  const service = () => serviceContext(program, context());

  program.commandsGroup('Set up:');
  addInstallCommand(program, SERVICE_TEXTS, service);
  addServeCommand(program, context, interrupt);
  addPairCommand(program, context);
  addForwardCommands(program, context);
  program.commandsGroup('Watch:');
  addStatusCommand(program, context);
  addProbeCommand(program, context);
  addAuditCommand(program, context);
  program.commandsGroup('Backends:');
  addTokenCommands(program, context);
  addRenameCommand(program, context);
  addUnpairCommand(program, context);
  program.commandsGroup('The kernel and this machine:');
  addDoctorCommand(program, () => {
    const current = context();
    return { ...current, status: () => current.call('status', { backend: null }) };
  });
  addKernelCommands(program, 'controller', 'controller install (or serve)', context);
  addTransferCommands(program, context, interrupt);
  addUninstallCommand(program, SERVICE_TEXTS, service);
  program.commandsGroup('Help:');
  addManualCommands(program, ['agent(8)', 'nft(8)', 'ip(8)', 'wg(8)', 'systemctl(1)'], terminal.console);
  addCompletionCommands(program, () => nameSources(context()));
  addGuardCommand(program, 'controller', () => guardedRelay(context()));
  program.command('synthetic-client', { hidden: true }).action(async () => {
    const { runSyntheticClient } = await import('./probe/synthetic-client.js');
    await runSyntheticClient(process.env['PATH']);
  });
  return { program, terminal };
}
