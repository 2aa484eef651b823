/** Elements gathered from lists that come and go: always the same as gathered afresh, and untouched sets the very same. */

import { elementsKey } from '@homeward/shared/state/describe';
import { createElementGatherer, gatherAll } from '@homeward/shared/state/gather-elements';
import type { NftElement, NftElements } from '@homeward/shared/state/resources';
import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';

const element = (set: string, key: string): NftElement => ({
  kind: 'nft-element',
  table: 'homeward_relay',
  set,
  key,
  value: set === 'any4' ? `10.77.16.2 . ${key}` : null,
});

/** Some elements are in several lists. */
const lists: NftElement[][] = [
  [element('any4', '1'), element('bytes4', '1')],
  [element('any4', '2'), element('bytes4', '1')],
  [element('bytes4', '1'), element('bytes4', '2')],
  [element('any4', '1')],
  [element('any6', '1'), element('any6', '1')],
  [],
];

const bySet = (gathered: readonly NftElements[]) =>
  Object.fromEntries(gathered.map((one) => [elementsKey(one.table, one.set), Object.fromEntries(one.elements)]));

describe('state/gather-elements', () => {
  it('gathers by set whatever came and went before, in any order', () => {
    const gather = createElementGatherer();
    fc.assert(
      fc.property(fc.shuffledSubarray(lists), (chosen) => {
        expect(bySet(gather(chosen))).to.deep.equal(bySet(gatherAll(chosen)));
      }),
    );
  });

  it('changes nothing that it gave away', () => {
    const gather = createElementGatherer();
    const first = gather(lists);
    const before = bySet(first);
    gather(lists.slice(2));
    gather([[element('any4', '9')], ...lists]);
    expect(bySet(first)).to.deep.equal(before);
  });

  it('gives the very maps again of sets without a change', () => {
    const gather = createElementGatherer();
    const elementsOf = (set: string, gathered: readonly NftElements[]) =>
      gathered.find((one) => one.set === set)?.elements;
    const first = gather(lists);
    const second = gather([...lists, [element('any4', '9')]]);
    expect(elementsOf('bytes4', second)).to.equal(elementsOf('bytes4', first));
    expect(elementsOf('any4', second)).to.not.equal(elementsOf('any4', first));
  });
});
