/** A machine of the lab as a new user has it: the sources built in /opt/homeward, Node, and nothing of homeward's yet. */
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import type { LabNode } from './lab-node.js';
import type { Running } from './running.js';

const sources = fileURLToPath(new URL('../../../', import.meta.url));

/** Root's on Debian. */
const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Hides what the host has in these places. */
const emptied = ['/opt', '/usr/local/bin', '/var/lib'];

/** Puts the sources and Node where README has them; all other things are to be done by README's own commands. */
export const freshen = async (node: LabNode): Promise<void> => {
  const run = (...command: string[]): Promise<string> => node.must(command);
  // Mounted before its place may be hidden.
  await run('touch', '/run/node');
  await run('mount', '--bind', process.execPath, '/run/node');
  for (const place of emptied) await run('mount', '-t', 'tmpfs', 'fresh', place);
  await run('ln', '-s', '/run/node', '/usr/local/bin/node');
  await run('mkdir', '/opt/homeward');
  await run('mount', '--bind', sources, '/opt/homeward');
};

/** What a command line printed on its terminal, as a person reads it. */
export interface Terminal extends Running {
  screen(): string;
}

/** Runs a command line on a terminal of its own (a pseudo-terminal made by script(1)), as a person would. */
export const onTerminal = (node: LabNode, commandLine: string): Terminal => {
  const command = ['script', '--quiet', '--return', '--flush', '--command', commandLine, '/dev/null'];
  const running = node.spawn(command, { interactive: true, env: { PATH: path, TERM: 'xterm' } });
  return {
    ...running,
    screen: () => stripVTControlCharacters(running.stdout()).replaceAll('\r\n', '\n'),
  };
};
