/** The controller's program: puts the command line together. */

import { addKernelCommands } from '@homeward/shared/terminal/kernel-commands';
import { createTerminal } from '@homeward/shared/terminal/program';
import { VERSION } from '@homeward/shared/terminal/version';
import { Command, Option } from 'commander';
import { contextOf } from './commands/context.js';
import { addForwardCommands } from './commands/forward.js';
import { addPairCommand } from './commands/pair.js';
import { addRenameCommand } from './commands/rename.js';
import { addServeCommand } from './commands/serve.js';
import { addStatusCommands } from './commands/status.js';
import { addTokenCommands } from './commands/token.js';
import { addTransferCommands } from './commands/transfer.js';
import { addUnpairCommand } from './commands/unpair.js';
import { runSyntheticClient } from './probe/synthetic-client.js';

const interrupt = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupt.abort());

const program = new Command('controller')
  .description("homeward on the relay: forwards public ports to backends that see the client's real IP")
  .version(VERSION)
  .option('--json', 'one JSON document on stdout')
  .option('--debug', 'more in the log, stack traces with errors')
  .addOption(
    new Option('--state-dir <dir>', 'keys and pairings')
      .env('HOMEWARD_STATE_DIR')
      .default('/var/lib/homeward/controller'),
  )
  .addOption(new Option('--run-dir <dir>', "the daemon's socket").env('HOMEWARD_RUN_DIR').default('/run/homeward'));

const terminal = createTerminal(program);
const context = () => contextOf(program, terminal.console(), interrupt.signal);
addServeCommand(program, context, interrupt.signal);
addPairCommand(program, context);
addForwardCommands(program, context);
addTokenCommands(program, context);
addStatusCommands(program, context);
addKernelCommands(program, 'controller serve', context);
addUnpairCommand(program, context);
addRenameCommand(program, context);
addTransferCommands(program, context, interrupt.signal);
program.command('synthetic-client', { hidden: true }).action(() => runSyntheticClient(process.env['PATH']));

process.exitCode = await terminal.run(process.argv);
