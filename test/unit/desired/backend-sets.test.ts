/** Port entries as elements: single ports and ranges in their own sets, and no two ranges of a place that overlap. */

import { type PortEntry, rangeElements, SETS, singleElements } from '@homeward/agent/desired/backend-sets';
import { formatPortRange, type PortRange, parsePortRange, portsOf, rangesOverlap } from '@homeward/shared/net/port';
import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { elementLine } from '../kernel/element-lines.js';
import { closeRange } from '../net/generators.js';

const entry = (place: string, ports: PortRange, host: string | null = null): PortEntry => ({
  sets: host === null ? SETS.ipv4.allowed : SETS.ipv4.redirected,
  place,
  ports,
  value: host === null ? null : `${host} . ${ports.first}`,
  rangeValue: host,
});
const elementsOf = (entries: readonly PortEntry[]) => [...singleElements(entries), ...rangeElements(entries)];
const lines = (entries: readonly PortEntry[]) => elementsOf(entries).map(elementLine);

describe('desired/backend-sets', () => {
  it('has sets of its own for each family', () => {
    const names = Object.values(SETS).flatMap(({ allowed, pinned, redirected, ...rest }) => [
      ...[allowed, pinned, redirected].flatMap(({ single, range }) => [single, range]),
      ...Object.values(rest),
    ]);
    expect(new Set(names).size).to.equal(names.length);
  });

  it('puts single ports into the hash, ranges into the interval set', () => {
    expect(
      lines([entry('A . tcp', parsePortRange('443')), entry('A . tcp', parsePortRange('5000-5999'))]),
    ).to.deep.equal(['allowed4 { A . tcp . 443 }', 'allowed-ranges4 { A . tcp . 5000-5999 }']);
    expect(
      lines([entry('A . udp', parsePortRange('53'), 'H'), entry('A . udp', parsePortRange('1-2'), 'H')]),
    ).to.deep.equal(['redirected4 { A . udp . 53 : H . 53 }', 'redirected-ranges4 { A . udp . 1-2 : H }']);
  });

  it('joins ranges that overlap at one place, and none of different places or values', () => {
    const at = (place: string, ports: string, host?: string) => entry(place, parsePortRange(ports), host ?? null);
    expect(lines([at('A', '1-10'), at('B', '5-15'), at('A', '5-20'), at('A', '21-30')])).to.deep.equal([
      'allowed-ranges4 { A . 1-20 }',
      'allowed-ranges4 { A . 21-30 }',
      'allowed-ranges4 { B . 5-15 }',
    ]);
    expect(lines([at('A', '1-10', 'H'), at('A', '11-20', 'I')])).to.have.lengthOf(2);
  });

  it('covers exactly the ports of its entries, no two ranges of a place overlapping', () => {
    const anyEntries = fc.array(
      fc.tuple(fc.constantFrom('A', 'B'), closeRange).map(([place, ports]) => entry(place, ports)),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(anyEntries, (entries) => {
        const elements = elementsOf(entries).map(({ set, key }) => {
          const [place = '', ports = ''] = key.split(' . ');
          return { set, place, ports: parsePortRange(ports) };
        });
        const covered = (of: readonly { place: string; ports: PortRange }[]) =>
          new Set(of.flatMap(({ place, ports }) => portsOf(ports).map((port) => `${place} ${port}`)));
        expect(covered(elements)).to.deep.equal(covered(entries));
        const ranges = elements.filter(({ set }) => set === SETS.ipv4.allowed.range);
        for (const one of ranges) {
          expect(formatPortRange(one.ports)).to.include('-');
          const clashing = ranges.filter(({ place, ports }) => place === one.place && rangesOverlap(ports, one.ports));
          expect(clashing).to.deep.equal([one]);
        }
      }),
    );
  });
});
