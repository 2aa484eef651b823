/** Waiting for changes: looked at now, after each one, and never after the end. */

import { createChanges } from '@homeward/controller/daemon/changes';
import { RelayError } from '@homeward/shared/errors/relay-error';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { rejectionOf } from '../errors/thrown.js';

const never = new AbortController().signal;

describe('daemon/changes', () => {
  it('gives what is there already', async () => {
    expect(await createChanges().until(() => 'there', never)).to.equal('there');
    expect(await createChanges().until(() => 0, never)).to.equal(0);
  });

  it('gives the first value after a change, to everybody who waits', async () => {
    const changes = createChanges();
    let value: string | null = null;
    const waiting = [changes.until(() => value, never), changes.until(() => value, never)];
    changes.notify();
    value = 'first';
    changes.notify();
    value = 'second';
    changes.notify();
    expect(await Promise.all(waiting)).to.deep.equal(['first', 'first']);
  });

  it('passes on what looking throws', async () => {
    const changes = createChanges();
    let isBroken = false;
    const waiting = changes.until(() => {
      if (isBroken) throw new RelayError('command-failed', 'broken');
      return null;
    }, never);
    isBroken = true;
    changes.notify();
    expect((await rejectionOf(waiting)).message).to.equal('broken');
  });

  it('ends when it is interrupted, before or while waiting', async () => {
    const changes = createChanges();
    expect((await rejectionOf(changes.until(() => null, AbortSignal.abort()))).code).to.equal('interrupted');
    const aborter = new AbortController();
    const waiting = changes.until(() => null, aborter.signal);
    aborter.abort();
    expect((await rejectionOf(waiting)).code).to.equal('interrupted');
  });

  it('looks no more once it is settled', async () => {
    const changes = createChanges();
    let looks = 0;
    const aborter = new AbortController();
    const waiting = changes.until(() => {
      looks += 1;
      return looks === 2 ? 'seen' : null;
    }, aborter.signal);
    changes.notify();
    changes.notify();
    aborter.abort();
    expect(await waiting).to.equal('seen');
    expect(looks).to.equal(2);
  });
});
