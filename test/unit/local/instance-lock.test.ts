/** One daemon of a kind: the second is refused, another kind is not. */

import { takeInstanceLock } from '@homeward/shared/local/instance-lock';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { rejectionOf } from '../errors/thrown.js';

/** Locks are per network namespace, which is the machine's own here: a kind that no other process has. */
const KIND = `unit-test-${process.pid}`;

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

  it('does not stand in the way of another kind', async () => {
    const locks = [await takeInstanceLock(KIND), await takeInstanceLock(`${KIND}-other`)];
    for (const lock of locks) await lock.release();
  });
});
