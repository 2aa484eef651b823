/** The agent's program: puts the command line together. */

import { addKernelCommands } from '@homeward/shared/terminal/kernel-commands';
import { createTerminal } from '@homeward/shared/terminal/program';
import { VERSION } from '@homeward/shared/terminal/version';
import { Command, Option } from 'commander';
import { contextOf } from './commands/context.js';
import { addEnrollCommand } from './commands/enroll.js';
import { addRunCommand } from './commands/run.js';
import { addStatusCommands } from './commands/status.js';
import { storedKernel } from './commands/without-daemon.js';

const interrupt = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupt.abort());

const program = new Command('agent')
  .description("homeward at the backend: services see the real client's IP, replies return through the tunnel")
  .version(VERSION)
  .option('--json', 'one JSON document on stdout')
  .option('--debug', 'more in the log, stack traces with errors')
  .addOption(
    new Option('--state-dir <dir>', 'keys and pairings').env('HOMEWARD_STATE_DIR').default('/var/lib/homeward/agent'),
  )
  .addOption(new Option('--run-dir <dir>', "the daemon's socket").env('HOMEWARD_RUN_DIR').default('/run/homeward'))
  .addOption(
    new Option('--policy <file>', "the owner's policy")
      .env('HOMEWARD_POLICY')
      .default('/etc/homeward/agent-policy.json'),
  );

const terminal = createTerminal(program);
const context = () => contextOf(program, terminal.console(), interrupt.signal);
addEnrollCommand(program, context);
addRunCommand(program, context);
addStatusCommands(program, context);
addKernelCommands(program, 'agent run', () => {
  const current = context();
  return { ...current, kernel: () => storedKernel(current) };
});

process.exitCode = await terminal.run(process.argv);
