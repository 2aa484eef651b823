/**
 * The main job: `controller pair`, as a program uses it, then the proof. The token goes into a file that the agent
 * reads, where a person would paste it. Usage: pair.mjs TOKEN_FILE ARGUMENTS_OF_PAIR…
 */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

const [tokenFile, ...args] = process.argv.slice(2);

const exitCodeOf = (child) => new Promise((resolve) => child.once('close', resolve));

const pair = spawn('controller', ['pair', ...args, '--json'], { stdio: ['ignore', 'pipe', 'inherit'] });
createInterface(pair.stdout).on('line', (line) => {
  const { event, token } = JSON.parse(line);
  process.stdout.write(`controller pair ${args.join(' ')}: ${event}\n`);
  if (event === 'token') writeFileSync(tokenFile, `${token}\n`, { mode: 0o600 });
});
process.exitCode = await exitCodeOf(pair);
if (process.exitCode === 0) process.exitCode = await exitCodeOf(spawn('controller', ['probe'], { stdio: 'inherit' }));
