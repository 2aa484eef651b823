/** Heartbeat and backoff on a clock of the test's own. */

import { createBackoff, type RoundEnd, reconnectDelayMs } from '@homeward/shared/session/backoff';
import { type After, createHeartbeat } from '@homeward/shared/session/heartbeat';
import { plainAddress } from '@homeward/shared/session/peer-address';
import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';

/** A clock that stands still until it is moved. */
function manualClock(): { after: After; advance(ms: number): void } {
  let nowMs = 0;
  const timers = new Set<{ atMs: number; action: () => void }>();
  return {
    after(delayMs, action) {
      const timer = { atMs: nowMs + delayMs, action };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    advance(ms) {
      const endMs = nowMs + ms;
      for (;;) {
        const [next] = [...timers].filter(({ atMs }) => atMs <= endMs).sort((a, b) => a.atMs - b.atMs);
        if (next === undefined) break;
        timers.delete(next);
        nowMs = next.atMs;
        next.action();
      }
      nowMs = endMs;
    },
  };
}

describe('session/heartbeat', () => {
  it('pings every 15 s and gives up 38 s after the last message', () => {
    const clock = manualClock();
    const events: string[] = [];
    const heartbeat = createHeartbeat({
      ping: (id) => events.push(`ping ${id}`),
      onDead: () => events.push('dead'),
      after: clock.after,
    });
    clock.advance(14_999);
    expect(events).to.deep.equal([]);
    clock.advance(15_001);
    expect(events).to.deep.equal(['ping 1', 'ping 2']);
    heartbeat.received();
    clock.advance(37_999);
    expect(events).not.to.contain('dead');
    clock.advance(1);
    expect(events.at(-1)).to.equal('dead');
    const count = events.length;
    clock.advance(100_000);
    expect(events).to.have.lengthOf(count);
  });

  it('only listens without a ping, and stops', () => {
    const clock = manualClock();
    let dead = 0;
    const heartbeat = createHeartbeat({ onDead: () => (dead += 1), after: clock.after });
    heartbeat.stop();
    heartbeat.received();
    clock.advance(100_000);
    expect(dead).to.equal(0);
  });

  it('stays stopped when a ping ends it', () => {
    const clock = manualClock();
    let pings = 0;
    const heartbeat = createHeartbeat({
      ping: () => {
        pings += 1;
        heartbeat.stop();
      },
      onDead: () => expect.fail('dead'),
      after: clock.after,
    });
    clock.advance(100_000);
    expect(pings).to.equal(1);
  });
});

describe('session/backoff', () => {
  it('starts within a second and never waits longer than 30 s', () => {
    fc.assert(
      fc.property(fc.nat(2000), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (attempt, value) => {
        const delayMs = reconnectDelayMs(attempt, () => value);
        expect(delayMs).to.be.within(0, attempt === 0 ? 1000 : 30_000);
      }),
    );
    expect([0, 1, 2, 5, 50].map((attempt) => reconnectDelayMs(attempt, () => 0.5))).to.deep.equal([
      500, 1000, 2000, 15_000, 15_000,
    ]);
  });

  it('waits by how the last rounds ended: longer after failures and brief sessions in a row, anew after what lived', () => {
    const delaysOf = (...ends: RoundEnd[]): number[] => ends.map(createBackoff(() => 0.5));
    expect(delaysOf('failed', 'failed', 'failed')).to.deep.equal([1000, 2000, 4000]);
    expect(delaysOf('brief', 'brief', 'brief', 'settled', 'brief')).to.deep.equal([500, 1000, 2000, 500, 500]);
    // A long outage is over when the relay is back, although it restarts once more.
    expect(delaysOf('failed', 'failed', 'failed', 'brief')).to.deep.equal([1000, 2000, 4000, 500]);
    // Whoever lets nobody in between two brief sessions is not taken for one that works.
    expect(delaysOf('brief', 'failed', 'brief', 'failed', 'brief')).to.deep.equal([500, 1000, 1000, 2000, 2000]);
  });

  it('spreads a thousand agents evenly over the time they may wait', () => {
    for (const [attempt, boundMs] of [
      [0, 1000],
      [3, 8000],
      [9, 30_000],
    ] as const) {
      const tenths = Array.from({ length: 10 }, () => 0);
      for (let agent = 0; agent < 1000; agent += 1) {
        // A sequence without chance that fills the unit interval evenly (Weyl's, by the golden ratio).
        const delayMs = reconnectDelayMs(attempt, () => (agent * 0.618_033_988_749_895) % 1);
        const tenth = Math.floor((delayMs / boundMs) * 10);
        tenths[tenth] = (tenths[tenth] ?? 0) + 1;
      }
      for (const count of tenths) expect(count).to.be.within(95, 105);
    }
  });
});

describe('session/peer-address', () => {
  it('shows IPv4 peers of a dual-stack socket as IPv4', () => {
    expect(plainAddress('::ffff:198.51.100.7')).to.equal('198.51.100.7');
    expect(plainAddress('fe80::1%eth0')).to.equal('fe80::1');
    expect(plainAddress('2001:db8::1')).to.equal('2001:db8::1');
    expect(plainAddress('192.0.2.1')).to.equal('192.0.2.1');
  });
});
