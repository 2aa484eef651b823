/** When repairs that do not last become a contest, and how it ends. */

import { createContest } from '@homeward/shared/reconcile/contest';
import { expect } from 'chai';
import { describe, it } from 'mocha';

const LINE = '+ rule pref 5100 nop';

/** Repairs of the line, one each `every` ms from `from` on. */
function repairs(contest: ReturnType<typeof createContest>, count: number, every: number, from = 0): number {
  for (let index = 0; index < count; index += 1) contest.repaired([LINE], null, from + index * every);
  return from + (count - 1) * every;
}

describe('reconcile/contest', () => {
  it('begins with the fiftieth repair within a minute, and names who wrote last', () => {
    const contest = createContest();
    const last = repairs(contest, 49, 1_200);
    expect(contest.standing(last)).to.equal(null);
    expect(contest.pauseMs(last)).to.equal(0);
    contest.repaired(['+ something else', LINE], 'nft, process 7', last + 100);
    expect(contest.standing(last + 100)).to.deep.equal({ line: LINE, by: 'nft, process 7' });
    expect(contest.pauseMs(last + 100)).to.equal(1_000);
  });

  it('does not begin by repairs that are further apart, nor by many of different things', () => {
    const contest = createContest();
    const last = repairs(contest, 200, 1_500);
    expect(contest.standing(last)).to.equal(null);
    for (let index = 0; index < 200; index += 1) contest.repaired([`+ element ${index}`], null, last + index);
    expect(contest.standing(last + 200)).to.equal(null);
  });

  it('is met ever more slowly, up to half a minute', () => {
    const contest = createContest();
    let now = repairs(contest, 50, 10);
    const pauses: number[] = [];
    for (let round = 0; round < 7; round += 1) {
      pauses.push(contest.pauseMs(now));
      now += contest.pauseMs(now);
      contest.repaired([LINE], null, now);
    }
    expect(pauses).to.deep.equal([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
  });

  it('ends when it had not to be repaired for a while, and may begin again', () => {
    const contest = createContest();
    const last = repairs(contest, 50, 10);
    contest.repaired(['+ something else'], null, last + 21_000);
    expect(contest.standing(last + 22_000)).to.not.equal(null);
    expect(contest.standing(last + 22_001)).to.equal(null);
    expect(contest.pauseMs(last + 22_001)).to.equal(0);
    const again = repairs(contest, 50, 10, last + 60_000);
    expect(contest.standing(again)?.line).to.equal(LINE);
  });
});
