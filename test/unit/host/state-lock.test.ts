/** One writer of a state directory: also from another network namespace, and free at once when its holder dies. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRunner } from '@homeward/shared/host/runner';
import { takeStateLock } from '@homeward/shared/host/state-lock';
import { takeLocks } from '@homeward/shared/local/instance-lock';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { rejectionOf } from '../errors/thrown.js';
import { temporaryDirectory } from './temporary.js';

const runner = createRunner(process.env['PATH']);

describe('host/state-lock', () => {
  const path = temporaryDirectory();
  const take = () => takeStateLock(path('agent.lock'), 'agent', runner);

  it('is held by one at a time, and by the next after that', async () => {
    const lock = await take();
    const error = await rejectionOf(take());
    expect(error).to.include({
      code: 'conflict',
      message: `another agent uses the state in ${path()}`.replace(/\/$/, ''),
    });
    await lock.release();
    await (await take()).release();
  });

  it('does not stand in the way of the other side in the same directory', async () => {
    const locks = [await take(), await takeStateLock(path('controller.lock'), 'controller', runner)];
    for (const lock of locks) await lock.release();
  });

  it('keeps out a process of another network namespace, and is free when its holder is killed', async () => {
    const holding = `
      const { createRunner } = await import(${JSON.stringify(import.meta.resolve('@homeward/shared/host/runner'))});
      const { takeStateLock } = await import(${JSON.stringify(import.meta.resolve('@homeward/shared/host/state-lock'))});
      await takeStateLock(${JSON.stringify(path('agent.lock'))}, 'agent', createRunner(process.env.PATH));
      console.log('held');
      setInterval(() => undefined, 1000);
    `;
    const holder = spawn('unshare', ['--net', process.execPath, '--input-type=module', '--eval', holding], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(holder, 'exit');
    await Promise.race([
      once(holder.stdout, 'data'),
      ended.then(() => {
        throw new Error('the holder ended: this test needs root');
      }),
    ]);
    expect((await rejectionOf(take())).code).to.equal('conflict');
    holder.kill('SIGKILL');
    await ended;
    await (await take()).release();
  });

  it('has nothing to do where there is no directory', async () => {
    await (await takeStateLock(path('missing/agent.lock'), 'agent', runner)).release();
  });

  it('is given back by the network namespace where the state is held', async () => {
    const kind = `unit-state-lock-${process.pid}`;
    const lock = await take();
    expect((await rejectionOf(takeLocks(kind, { lock: take }))).code).to.equal('conflict');
    await lock.release();
    await (await takeLocks(kind, { lock: take })).release();
  });
});
