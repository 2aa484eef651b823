/** Elements remembered between looks: when they are listed, what is remembered of them, and when that is void. */

import type { NftListing } from '@homeward/shared/kernel/nft-parse';
import type { Snapshot } from '@homeward/shared/kernel/snapshot';
import { type Change, diff } from '@homeward/shared/reconcile/diff';
import { createElementMemory } from '@homeward/shared/reconcile/element-memory';
import { elementsKey } from '@homeward/shared/state/describe';
import { hostState } from '@homeward/shared/state/host-state';
import type { NftElement } from '@homeward/shared/state/resources';
import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { linesOf } from '../kernel/element-lines.js';
import { snapshotOf } from '../kernel/snapshots.js';
import { element, TABLE, table } from './resources.js';

/** The elements of a table as a listing tells them. */
function listing(digest: string, elements: readonly NftElement[] = []): NftListing {
  const sets = new Map<string, Map<string, string | null>>();
  for (const { set, key, value } of elements) sets.set(set, (sets.get(set) ?? new Map()).set(key, value));
  return { digest, elements: sets };
}
const seen = (tables: Readonly<Record<string, NftListing>>): Snapshot => ({
  ...snapshotOf({}, []),
  tables: new Map(Object.entries(tables)),
});
const one = (key: string, value: string | null = null) => element('any4', key, value) as NftElement;
const elementsIn = (snapshot: Snapshot | null, name = TABLE) =>
  snapshot === null ? null : linesOf(snapshot.tables.get(name)?.elements ?? new Map());

/** What leads from some elements to others. */
const between = (before: readonly NftElement[], after: readonly NftElement[]): Change[] =>
  diff(hostState(after), hostState(before));

describe('reconcile/element-memory', () => {
  it('has everything listed at first, and nothing after that', () => {
    const memory = createElementMemory();
    expect(memory.unknown([TABLE])).to.deep.equal([TABLE]);
    const listed = memory.complete(seen({ [TABLE]: listing('D', [one('tcp . 443')]) }), [TABLE]);
    expect(elementsIn(listed)).to.deep.equal(['any4 { tcp . 443 }']);
    expect(memory.unknown([TABLE])).to.deep.equal([]);
    expect(elementsIn(memory.complete(seen({ [TABLE]: listing('D') }), []))).to.deep.equal(['any4 { tcp . 443 }']);
  });

  it('leaves the rest of a snapshot as it is', () => {
    const memory = createElementMemory();
    memory.unknown([TABLE]);
    const snapshot = { ...snapshotOf({ eth0: ['192.168.1.2/24'] }, ['default eth0']), tables: seen({}).tables };
    expect(memory.complete(snapshot, [TABLE])).to.deep.equal(snapshot);
  });

  it('gives no remembered elements for a table of another skeleton, but has all listed again', () => {
    const memory = createElementMemory();
    memory.complete(seen({ a: listing('D'), b: listing('E') }), ['a', 'b']);
    expect(memory.complete(seen({ a: listing('other'), b: listing('E') }), [])).to.equal(null);
    expect(memory.unknown(['a', 'b'])).to.deep.equal(['a', 'b']);
    const again = seen({ a: listing('other', [one('tcp . 1')]), b: listing('E') });
    expect(elementsIn(memory.complete(again, ['a', 'b']), 'a')).to.deep.equal(['any4 { tcp . 1 }']);
  });

  it('gives nothing for a table that came without having been listed', () => {
    const memory = createElementMemory();
    memory.complete(seen({}), [TABLE]);
    expect(memory.unknown([TABLE])).to.deep.equal([TABLE]);
    expect(memory.complete(seen({ [TABLE]: listing('D') }), [])).to.equal(null);
  });

  it('does not take the elements of a table that was gone for those of one of the same text', () => {
    const memory = createElementMemory();
    memory.complete(seen({ [TABLE]: listing('D', [one('tcp . 443')]) }), [TABLE]);
    expect(memory.complete(seen({}), [])?.tables.size).to.equal(0);
    expect(memory.complete(seen({ [TABLE]: listing('D') }), [])).to.equal(null);
  });

  it('takes in what was applied: elements that came, changed and went', () => {
    const memory = createElementMemory();
    const before = [one('tcp . 1', 'A'), one('tcp . 2', 'A'), one('tcp . 3', 'A')];
    const after = [one('tcp . 1', 'A'), one('tcp . 2', 'B'), one('tcp . 4', 'C')];
    memory.complete(seen({ [TABLE]: listing('D', before) }), [TABLE]);
    memory.apply(between(before, after), null);
    expect(memory.unknown([TABLE])).to.deep.equal([]);
    expect(elementsIn(memory.complete(seen({ [TABLE]: listing('D') }), []))).to.deep.equal([
      'any4 { tcp . 1 : A }',
      'any4 { tcp . 2 : B }',
      'any4 { tcp . 4 : C }',
    ]);
  });

  it('takes what is desired as it is where nothing else was to be changed, so that it need not be compared', () => {
    const memory = createElementMemory();
    const before = [one('tcp . 1', 'A'), one('tcp . 2', 'A')];
    const desired = hostState([one('tcp . 2', 'A'), one('tcp . 3', 'C')]);
    memory.complete(seen({ [TABLE]: listing('D', before) }), [TABLE]);
    memory.apply(diff(desired, hostState(before)), desired);
    const elements = memory
      .complete(seen({ [TABLE]: listing('D') }), [])
      ?.tables.get(TABLE)
      ?.elements.get('any4');
    const wanted = desired.get(elementsKey(TABLE, 'any4'));
    expect(wanted?.kind === 'nft-elements' && wanted.elements === elements).to.equal(true);
  });

  it('has a table listed that was replaced or removed by what was applied', () => {
    for (const [before, after] of [
      [[table('old')], [table('new')]],
      [[table('old')], []],
      [[], [table('new')]],
    ]) {
      const memory = createElementMemory();
      memory.complete(seen({ [TABLE]: listing('D'), other: listing('E') }), [TABLE, 'other']);
      memory.apply(diff(hostState(after ?? []), hostState(before ?? [])), null);
      expect(memory.unknown([TABLE, 'other'])).to.deep.equal([TABLE]);
    }
  });

  it('minds no other changes, and none of tables it does not know', () => {
    const memory = createElementMemory();
    memory.apply(between([], [one('tcp . 1')]), null);
    expect(memory.unknown([TABLE])).to.deep.equal([TABLE]);
    const some = listing('D', [one('tcp . 443')]);
    memory.complete(seen({ [TABLE]: some }), [TABLE]);
    memory.apply(between([], [{ ...one('tcp . 1'), table: 'other' }]), null);
    expect(memory.complete(seen({ [TABLE]: listing('D') }), [])?.tables.get(TABLE)).to.equal(some);
  });

  it('forgets when it is told to', () => {
    const memory = createElementMemory();
    memory.complete(seen({ [TABLE]: listing('D') }), [TABLE]);
    memory.forget();
    expect(memory.unknown([TABLE])).to.deep.equal([TABLE]);
  });

  it('does not trust a listing during which it was told to forget', () => {
    const memory = createElementMemory();
    const listed = memory.unknown([TABLE]);
    // Somebody removes the element behind the back of the listing.
    memory.forget();
    expect(memory.complete(seen({ [TABLE]: listing('D', [one('tcp . 443')]) }), listed)).to.equal(null);
    const again = memory.unknown([TABLE]);
    expect(again).to.deep.equal([TABLE]);
    expect(elementsIn(memory.complete(seen({ [TABLE]: listing('D') }), again))).to.deep.equal([]);
  });

  it('remembers after any changes what a listing would tell', () => {
    const anyElements = fc.uniqueArray(
      fc.record({
        kind: fc.constant('nft-element' as const),
        table: fc.constantFrom(TABLE, 'other'),
        set: fc.constantFrom('any4', 'any6'),
        key: fc.constantFrom('tcp . 1', 'tcp . 2', 'udp . 1'),
        value: fc.constantFrom(null, 'A', 'B'),
      }),
      { selector: ({ table: of, set, key }) => [of, set, key].join() },
    );
    const names = [TABLE, 'other'];
    const of = (name: string, elements: readonly NftElement[]) =>
      listing(
        'D',
        elements.filter((candidate) => candidate.table === name),
      );
    const all = (elements: readonly NftElement[]) =>
      seen(Object.fromEntries(names.map((name) => [name, of(name, elements)])));
    fc.assert(
      fc.property(fc.array(anyElements, { minLength: 1, maxLength: 5 }), fc.boolean(), (states, isAll) => {
        const memory = createElementMemory();
        memory.complete(all(states[0] ?? []), memory.unknown(names));
        states.slice(1).forEach((state, index) => {
          memory.apply(between(states[index] ?? [], state), isAll ? hostState(state) : null);
          const remembered = memory.complete(all([]), memory.unknown(names));
          for (const name of names) {
            expect(elementsIn(remembered, name)).to.deep.equal(linesOf(of(name, state).elements));
          }
        });
      }),
    );
  });
});
