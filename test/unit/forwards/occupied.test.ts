/** Which backend has which public port: the same answers as comparing every forward with every other. */

import { type Holder, occupiedPorts } from '@homeward/controller/forwards/occupied';
import { type Forward, familiesOf, parseForward } from '@homeward/shared/net/forward-spec';
import { rangesOverlap } from '@homeward/shared/net/port';
import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';

const shares = <Item>(a: readonly Item[], b: readonly Item[]) => a.some((item) => b.includes(item));

/** Two forwards that a client's packet could not tell apart. */
function overlap(a: Forward, b: Forward): boolean {
  return (
    a.address === b.address &&
    shares(a.transports, b.transports) &&
    shares(familiesOf(a), familiesOf(b)) &&
    rangesOverlap(a.publicPorts, b.publicPorts)
  );
}

const few = fc.integer({ min: 1, max: 12 });
const anyCloseForward = fc
  .record({
    place: fc.constantFrom(
      ['', ''],
      ['', '=192.168.1.9'],
      ['', '=[fd00::9]'],
      ['198.51.100.1:', ''],
      ['[2001:db8::1]:', ''],
    ),
    first: few,
    length: fc.constantFrom(0, 0, 0, 1, 5),
    transports: fc.constantFrom('tcp', 'udp', 'tcp+udp'),
  })
  .map(({ place: [address, host], first, length, transports }) =>
    parseForward(`${address}${first}-${first + length}${host}/${transports}`),
  );
const anyHolder: fc.Arbitrary<Holder> = fc.record({
  backend: fc.constantFrom('home', 'nas'),
  forward: anyCloseForward,
});

describe('forwards/occupied', () => {
  it('finds exactly those that share a port, each once', () => {
    fc.assert(
      fc.property(
        fc.array(anyHolder, { maxLength: 12 }),
        fc.array(anyHolder, { maxLength: 4 }),
        anyCloseForward,
        (first, more, asked) => {
          const occupied = occupiedPorts(first);
          for (const holder of more) occupied.add(holder);
          const expected = [...first, ...more].filter(({ forward }) => overlap(forward, asked));
          const found = occupied.overlapping(asked);
          expect(found).to.have.members(expected);
          expect(found).to.have.lengthOf(expected.length);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('finds a single port in a range, and a range around a single port', () => {
    const holders = ['5000-5999/udp', '53/tcp+udp'].map((spec) => ({ backend: 'home', forward: parseForward(spec) }));
    const occupied = occupiedPorts(holders);
    const specs = (spec: string) => occupied.overlapping(parseForward(spec)).map(({ forward }) => forward.spec);
    expect(specs('5999/udp')).to.deep.equal(['5000-5999/udp']);
    expect(specs('1-65535/udp')).to.have.members(['5000-5999/udp', '53/tcp+udp']);
    expect(specs('1-65535/tcp')).to.deep.equal(['53/tcp+udp']);
    expect(specs('5999/tcp')).to.deep.equal([]);
    expect(specs('198.51.100.1:53/udp')).to.deep.equal([]);
  });
});
