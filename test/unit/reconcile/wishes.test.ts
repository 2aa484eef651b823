/** Which changes are new wishes, and which are somebody else's that are told and not mended. */

import { changeText, diff } from '@homeward/shared/reconcile/diff';
import { possibleWishes } from '@homeward/shared/reconcile/wishes';
import { hostState } from '@homeward/shared/state/host-state';
import type { Resource } from '@homeward/shared/state/resources';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { element, landing, link, sysctl, table } from './resources.js';

function wishes(desired: readonly Resource[], before: readonly Resource[], observed: readonly Resource[]): string[] {
  const wanted = hostState(desired);
  return possibleWishes(diff(wanted, hostState(observed)), wanted, hostState(before)).map(changeText);
}

describe('reconcile/wishes', () => {
  const old = [link(), sysctl('net/x', '1'), table('same'), element('any4', 'tcp . 1', 'A')];

  it('are none where others changed, removed or added something', () => {
    const changed = [
      sysctl('net/x', '2'),
      table('same'),
      element('any4', 'tcp . 1', 'B'),
      element('any4', 'tcp . 9', 'C'),
    ];
    expect(wishes(old, old, changed)).to.deep.equal([]);
    expect(wishes(old, old, [])).to.deep.equal([]);
  });

  it('are what is desired anew, otherwise, or no longer', () => {
    const desired = [
      ...old.slice(0, 3),
      element('any4', 'tcp . 1', 'B'),
      element('any6', 'tcp . 1', 'C'),
      landing('ipv6'),
    ];
    expect(wishes(desired, [...old, landing()], [...old, landing()])).to.deep.equal([
      '+ rule -6 pref 5100 nop',
      '~ element homeward_backend any4 { tcp . 1 } B (is: A)',
      '+ element homeward_backend any6 { tcp . 1 } C',
      '- rule pref 5100 nop',
    ]);
  });

  it('are of an element without a value as of one with', () => {
    const tunnels = (...names: string[]) => names.map((name) => element('tunnels', name));
    expect(wishes(tunnels('hw1', 'hw2'), tunnels('hw1'), [])).to.deep.equal([
      '+ element homeward_backend tunnels { hw2 }',
    ]);
  });

  it('are no elements of a table that somebody removed, until the table itself is wished otherwise', () => {
    const more = [...old, element('any4', 'tcp . 2', 'A')];
    expect(wishes(more, old, [link(), sysctl('net/x', '1')])).to.deep.equal([]);
    const other = [link(), sysctl('net/x', '1'), table('other'), element('any4', 'tcp . 2', 'A')];
    expect(
      wishes(other, old, [link(), sysctl('net/x', '1')]).map((line) => line.replace(/ skeleton .*/, '')),
    ).to.deep.equal(['+ table inet homeward_backend', '+ element homeward_backend any4 { tcp . 2 } A']);
  });
});
