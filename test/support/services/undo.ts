/**
 * `undo COMMAND…`: runs the command again and again and prints the time in milliseconds whenever it succeeds: what it removes
 * must have been there again. So a program behaves that holds the rules of a machine for its own.
 */
import { spawn } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';

const [program = '', ...args] = process.argv.slice(2);

const succeeds = (): Promise<boolean> =>
  new Promise((resolve) => {
    const child = spawn(program, args, { stdio: 'ignore' });
    child.once('close', (code) => resolve(code === 0));
    child.once('error', () => resolve(false));
  });

for (;;) {
  if (await succeeds()) process.stdout.write(`${Math.round(performance.now())}\n`);
  // Quicker than anybody mends, and slow enough to leave him a processor.
  await pause(20);
}
