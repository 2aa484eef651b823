/** Rounds of probes: nothing lost, none too big, one portion of each target. */

import { type Portion, ROUND_SIZE, roundsOf } from '@homeward/controller/probe/rounds';
import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';

const items = (count: number) => Array.from({ length: count }, (_, index) => index);
const work = (...counts: readonly number[]): Portion<string, number>[] =>
  counts.map((count, index) => ({ target: `backend-${index}`, items: items(count) }));
/** How many items of which target each round has. */
const shape = (rounds: readonly (readonly Portion<string, number>[])[]) =>
  rounds.map((round) =>
    round.map((portion) => `${portion.target.replace('backend-', '')}:${portion.items.length}`).join(' '),
  );

describe('probe/rounds', () => {
  it('puts what fits into one round', () => {
    expect(shape(roundsOf(work(3, 4, 2), 10))).to.deep.equal(['0:3 1:4 2:2']);
    expect(shape(roundsOf(work(), 10))).to.deep.equal([]);
  });

  it('cuts what does not', () => {
    expect(shape(roundsOf(work(25), 10))).to.deep.equal(['0:10', '0:10', '0:5']);
    expect(shape(roundsOf(work(8, 8), 10))).to.deep.equal(['0:8', '1:8']);
    expect(shape(roundsOf(work(12, 3), 10))).to.deep.equal(['0:10', '0:2 1:3']);
    expect(shape(roundsOf(work(1, 1, 1), 10, 4))).to.deep.equal(['0:1 1:1', '2:1']);
  });

  it('keeps a target that has nothing but its echo', () => {
    expect(shape(roundsOf(work(0, 3, 0), 10))).to.deep.equal(['0:0 1:3 2:0']);
    expect(
      shape(roundsOf(work(...Array.from({ length: 12 }, () => 0)), 5)).map((round) => round.split(' ').length),
    ).to.deep.equal([5, 5, 2]);
  });

  it('asks no more of a process than it may have open', () => {
    const sizes = roundsOf(work(10_000, 500)).map((round) =>
      round.reduce((sum, portion) => sum + portion.items.length, 0),
    );
    expect(Math.max(...sizes)).to.equal(ROUND_SIZE);
    expect(ROUND_SIZE).to.be.below(1_024);
  });

  it('loses nothing, keeps the order of each target, and never has two portions of one in a round', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(40), { maxLength: 8 }), fc.integer({ min: 1, max: 12 }), (counts, size) => {
        const given = work(...counts);
        const rounds = roundsOf(given, size);
        for (const { target, items: wanted } of given) {
          const portions = rounds.flatMap((round) => round.filter((portion) => portion.target === target));
          expect(portions.length).to.be.at.least(1);
          expect(portions.flatMap((portion) => portion.items)).to.deep.equal(wanted);
        }
        for (const round of rounds) {
          expect(round.length).to.be.at.least(1);
          expect(new Set(round.map(({ target }) => target)).size).to.equal(round.length);
          expect(round.reduce((sum, portion) => sum + portion.items.length, 0)).to.be.at.most(size);
        }
      }),
    );
  });
});
