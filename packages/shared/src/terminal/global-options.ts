/** The program with the options that both sides have, on every command. */

import { Option } from 'commander';
import { DocumentedCommand } from './manual/documented-command.js';
import { VERSION } from './version.js';

export const RUN_DIRECTORY = '/run/homeward';

export function stateDirectory(side: 'controller' | 'agent'): string {
  return `/var/lib/homeward/${side}`;
}

/** `controller` or `agent`, still without commands. */
export function createProgram(side: 'controller' | 'agent'): DocumentedCommand {
  return new DocumentedCommand(side)
    .version(VERSION, '-V, --version', 'the version')
    .helpOption('-h, --help', 'this help')
    .option('--json', 'one JSON document on stdout, for programs')
    .option('--debug', 'more in the log, stack traces with errors')
    .addOption(
      new Option('--state-dir <dir>', 'where keys and pairings are kept')
        .env('HOMEWARD_STATE_DIR')
        .default(stateDirectory(side)),
    )
    .addOption(
      new Option('--run-dir <dir>', "where the daemon's socket is").env('HOMEWARD_RUN_DIR').default(RUN_DIRECTORY),
    );
}
