/** One daemon of a kind: the second is refused, another kind is not. */

import { takeInstanceLock, takeLockToGoBack } from '@homeward/shared/local/instance-lock';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { rejectionOf } from '../errors/thrown.js';

/** Locks are per network namespace, which is the machine's own here: a kind that no other process has. */
const KIND = `unit-test-${process.pid}`;

const SIDE = { lock: async () => ({ release: async () => undefined }) };

describe('local/instance-lock', () => {
  it('is held by one at a time', async () => {
    const lock = await takeInstanceLock(KIND);
    const error = await rejectionOf(takeInstanceLock(KIND));
    await lock.release();
    expect(error.code).to.equal('conflict');
    expect(error.message).to.include(`another ${KIND} daemon`);
    expect(error.hint).to.include(`${KIND} status`);
    await (await takeInstanceLock(KIND)).release();
  });

  it('is not taken by a rollback while a daemon holds it', async () => {
    const lock = await takeInstanceLock(KIND);
    expect(await takeLockToGoBack(KIND, SIDE)).to.equal(null);
    await lock.release();
    const rollback = await takeLockToGoBack(KIND, SIDE);
    expect(rollback).not.to.equal(null);
    expect(await takeLockToGoBack(KIND, SIDE), 'one rollback at a time').to.equal(null);
    await rollback?.release();
  });

  it('is waited for while a rollback holds it, by however many', async () => {
    const order: string[] = [];
    const rollback = await takeLockToGoBack(KIND, SIDE);
    const waiting = takeInstanceLock(KIND).then((lock) => {
      order.push('daemon');
      return lock;
    });
    // A connection to it is answered in this very process: it has had its turn when another one has.
    const another = await takeInstanceLock(`${KIND}-other`);
    await rejectionOf(takeInstanceLock(`${KIND}-other`));
    await another.release();
    order.push('rollback ended');
    await rollback?.release();
    await (await waiting).release();
    expect(order).to.deep.equal(['rollback ended', 'daemon']);
  });

  it('does not stand in the way of another kind', async () => {
    const locks = [await takeInstanceLock(KIND), await takeInstanceLock(`${KIND}-other`)];
    for (const lock of locks) await lock.release();
  });
});
