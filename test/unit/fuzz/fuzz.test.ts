/** A fixed budget of fuzzing, and every input that was a finding once. */

import { expect } from 'chai';
import { describe, it } from 'mocha';
import { corpusOf } from '../../fuzz/corpus.js';
import { execute, findings, inputOf, shares } from '../../fuzz/execute.js';
import { TARGETS } from '../../fuzz/targets.js';

const SEED = 1;
const RUNS = 6_000;

describe('fuzz', () => {
  for (const [target, runs] of shares(TARGETS, RUNS)) {
    it(`${target.name} bears ${runs} inputs`, () => {
      for (const { error, number, input } of findings(target, SEED, 0, runs)) {
        throw new Error(`execution ${number}: ${JSON.stringify(input.toString('latin1').slice(0, 300))}`, {
          cause: error,
        });
      }
    });

    it(`${target.name} bears what was found once`, () => {
      for (const { name, input } of corpusOf(target.name)) {
        const error = execute(target, input);
        if (error !== null) throw new Error(`test/fuzz/corpus/${target.name}/${name}`, { cause: error });
      }
    });
  }

  it('makes the same input of the same numbers, and others of others', () => {
    for (const target of TARGETS) {
      const inputs = Array.from({ length: 20 }, (_, number) => inputOf(target, SEED, number));
      expect(inputs.map((_, number) => inputOf(target, SEED, number))).to.deep.equal(inputs);
      expect(new Set(inputs.map((input) => input.toString('hex'))).size, target.name).to.be.above(10);
    }
  });

  it('tells what a target must not do', () => {
    const wrong = { name: 'wrong', make: () => Buffer.from('x'), run: () => expect(1).to.equal(2) };
    const found = [...findings(wrong, SEED, 0, 3)];
    expect(found.map(({ number }) => number)).to.deep.equal([0, 1, 2]);
    expect(String(found[0]?.error)).to.include('expected 1 to equal 2');
  });
});
