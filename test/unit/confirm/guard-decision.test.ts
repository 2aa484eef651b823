/** What a guard does next: it goes back once, when nobody else does and there is something to go back from. */

import { type GuardDecision, type GuardFacts, guardDecision } from '@homeward/shared/confirm/guard-decision';
import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';

const PENDING: GuardFacts = { isPending: true, wasPending: true, isOver: false, isHeld: true };

describe('confirm/guard-decision', () => {
  const cases: readonly [string, Partial<GuardFacts>, GuardDecision][] = [
    ['waits while the daemon is there and the time is not over', {}, 'wait'],
    ['waits for a daemon that may be started again', { isHeld: false }, 'wait'],
    ['leaves it to the daemon that is there when the time is over', { isOver: true }, 'wait'],
    ['goes back when the time is over and nobody is there', { isOver: true, isHeld: false }, 'go-back'],
    ['ends when the change is settled', { isPending: false }, 'end'],
    ['ends when it is settled in the last moment', { isPending: false, isOver: true, isHeld: false }, 'end'],
    ['waits for a change that is not stored yet', { isPending: false, wasPending: false }, 'wait'],
    ['ends when its change was never stored', { isPending: false, wasPending: false, isOver: true }, 'end'],
    ['waits for a state that cannot be read to be whole again', { isPending: null }, 'wait'],
    ['ends when there is no state to go back by', { isPending: null, isOver: true, isHeld: false }, 'end'],
  ];
  for (const [what, more, decision] of cases) {
    it(what, () => expect(guardDecision({ ...PENDING, ...more })).to.equal(decision));
  }

  it('never goes back beside somebody, nor early, nor from what does not wait', () => {
    const facts = fc.record({
      isPending: fc.constantFrom(true, false, null),
      ...{ wasPending: fc.boolean(), isOver: fc.boolean(), isHeld: fc.boolean() },
    });
    fc.assert(
      fc.property(facts, (found) => {
        const isDue = found.isPending === true && found.isOver && !found.isHeld;
        expect(guardDecision(found) === 'go-back').to.equal(isDue);
      }),
    );
  });
});
