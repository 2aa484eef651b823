/** A guard at its post, over a stored state and an instance lock that are real. */

import { writeFile } from 'node:fs/promises';
import { type GuardDeps, guard } from '@homeward/shared/confirm/guard';
import { takeInstanceLock } from '@homeward/shared/local/instance-lock';
import { expect } from 'chai';
import { beforeEach, describe, it } from 'mocha';
import { pino } from 'pino';
import { temporaryDirectory } from '../host/temporary.js';
import { eventually } from '../server/rig.js';

/** Locks are per network namespace, which is the machine's own here: a kind that no other process has. */
const KIND = `unit-guard-${process.pid}`;
const FOREVER_MS = 600_000;

describe('confirm/guard', () => {
  const path = temporaryDirectory();
  let isPending: boolean;
  let wentBack: number;
  let stands: boolean;

  beforeEach(() => {
    [isPending, wentBack, stands] = [true, 0, false];
  });

  const begin = (confirmMs: number, more: Partial<GuardDeps> = {}, signal = new AbortController().signal) =>
    guard(
      {
        ...{ program: KIND, statePath: path('state.json'), confirmMs, logger: pino({ level: 'silent' }) },
        ready: async () => {
          stands = true;
        },
        lock: async () => ({ release: async () => undefined }),
        isPending: async () => isPending,
        goBack: async () => {
          wentBack += 1;
          isPending = false;
        },
        ...more,
      },
      signal,
    );

  it('ends when the stored state says that its change is settled', async () => {
    let looks = 0;
    const guarding = begin(FOREVER_MS, {
      isPending: async () => {
        looks += 1;
        return isPending;
      },
    });
    await eventually('it looks', () => looks > 0);
    isPending = false;
    await writeFile(path('state.json'), '{}');
    await guarding;
    expect([stands, wentBack]).to.deep.equal([true, 0]);
  });

  it('goes back once when the time is over and no daemon is there, holding its lock meanwhile', async () => {
    let isHeld = false;
    await begin(1, {
      goBack: async () => {
        wentBack += 1;
        const daemon = takeInstanceLock(KIND).then((lock) => {
          isHeld = true;
          return lock.release();
        });
        await Promise.race([daemon, new Promise((resolve) => setImmediate(resolve))]);
        expect(isHeld, 'a daemon that started while the guard went back').to.equal(false);
        isPending = false;
      },
    });
    expect(wentBack).to.equal(1);
    await eventually('the daemon that waited goes on', () => isHeld);
  });

  it('leaves it to a daemon that is there, and goes back when that dies without having done so', async () => {
    const daemon = await takeInstanceLock(KIND);
    let looks = 0;
    const guarding = begin(1, {
      isPending: async () => {
        looks += 1;
        return isPending;
      },
    });
    await eventually('it has looked after the time was over', () => looks > 2);
    expect(wentBack).to.equal(0);
    await daemon.release();
    await guarding;
    expect(wentBack).to.equal(1);
  });

  it('ends without a change of its own when the time is over', async () => {
    isPending = false;
    await begin(1);
    expect(wentBack).to.equal(0);
  });

  it('ends when the machine goes down', async () => {
    const down = new AbortController();
    const guarding = begin(FOREVER_MS, {}, down.signal);
    await eventually('it stands', () => stands);
    down.abort();
    await guarding;
    expect(wentBack).to.equal(0);
  });
});
