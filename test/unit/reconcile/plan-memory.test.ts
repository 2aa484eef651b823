/** Plans remembered: the same state again exactly where nothing changed that it depends on. */

import { createPlanMemory, type PlanInput, recompute, rememberEach } from '@homeward/shared/reconcile/plan-memory';
import { hostState } from '@homeward/shared/state/host-state';
import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';

const [a, b, c] = [{}, {}, {}];

describe('reconcile/plan-memory', () => {
  it('plans again when the text, a list or one item of a list is another', () => {
    const planned = createPlanMemory();
    let plans = 0;
    const ask = (about: string, ...lists: unknown[][]) => {
      const before = plans;
      planned({ about, lists }, () => {
        plans += 1;
        return hostState([]);
      });
      return plans > before;
    };
    expect(ask('x', [a, b])).to.equal(true);
    expect(ask('x', [a, b])).to.equal(false);
    for (const [about, ...lists] of [
      ['y', [a, b]],
      ['y', [a, b, c]],
      ['y', [a, b]],
      ['y', [b, a]],
      ['y', [b, a], []],
      ['y', [b], [a]],
      ['y', [b], [{}]],
    ] as [string, ...unknown[][]][]) {
      expect(ask(about, ...lists)).to.equal(true);
      expect(ask(about, ...lists)).to.equal(false);
    }
  });

  it('gives the very state again, and that of the newest input', () => {
    const planned = createPlanMemory();
    const anyInput: fc.Arbitrary<PlanInput> = fc.record({
      about: fc.constantFrom('x', 'y'),
      lists: fc.array(fc.array(fc.constantFrom<unknown>(a, b), { maxLength: 2 }), { maxLength: 2 }),
    });
    fc.assert(
      fc.property(anyInput, (input) => {
        const told = hostState([
          { kind: 'sysctl', path: JSON.stringify(input.about), value: String(input.lists.length) },
        ]);
        const state = planned(input, () => told);
        expect(state).to.deep.equal(told);
        expect(planned({ ...input, lists: input.lists.map((list) => [...list]) }, () => hostState([]))).to.equal(state);
      }),
    );
  });

  it('computes of each item once for what else it depends on', () => {
    const remember = rememberEach<object, string>();
    const asked: string[] = [];
    const value = (item: object, about: string, name: string) =>
      remember(about)(item, () => {
        asked.push(`${name} ${about}`);
        return `${name} ${about}`;
      });
    expect([value(a, '1', 'a'), value(b, '1', 'b'), value(a, '1', 'again')]).to.deep.equal(['a 1', 'b 1', 'a 1']);
    expect([value(a, '2', 'a'), value(a, '2', 'again'), value(b, '1', 'again')]).to.deep.equal(['a 2', 'a 2', 'b 1']);
    expect(asked).to.deep.equal(['a 1', 'b 1', 'a 2']);
  });

  it('computes each time where nothing is to be remembered', () => {
    let count = 0;
    const next = () => {
      count += 1;
      return count;
    };
    expect([recompute('')(a, next), recompute('')(a, next)]).to.deep.equal([1, 2]);
  });
});
