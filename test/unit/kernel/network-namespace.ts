/** An empty network namespace for the tests of a suite, with the project's own runner inside of it. Needs root: without it the suite fails. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { command } from '@homeward/shared/host/command';
import { createRunner, type Runner } from '@homeward/shared/host/runner';
import { after, before } from 'mocha';

/** To be called inside of `describe`. */
export function networkNamespace(): Runner {
  const outside = createRunner(process.env['PATH']);
  let keeper: ChildProcess | undefined;
  before(async () => {
    // What cat gives back comes from inside: the namespace is there. It ends with its stdin, at the latest with us.
    const child = spawn('unshare', ['--net', 'cat'], { stdio: ['pipe', 'pipe', 'inherit'] });
    child.stdin.write('ready\n');
    keeper = child;
    const ended = once(child, 'exit').then(() => {
      throw new Error('unshare --net failed: this suite needs root');
    });
    ended.catch(() => undefined);
    await Promise.race([once(child.stdout, 'data'), ended]);
  });
  after(async () => {
    if (keeper === undefined || keeper.exitCode !== null) return;
    const gone = once(keeper, 'exit');
    keeper.stdin?.end();
    await gone;
  });
  return {
    run({ file, args, stdin, answers }) {
      const entering = command('nsenter', [`--net=/proc/${keeper?.pid}/ns/net`, file, ...args], stdin);
      return outside.run(answers === undefined ? entering : { ...entering, answers });
    },
    hasStarted: outside.hasStarted,
  };
}
