/** Disjoint intervals from overlapping prefixes: the same answer as a routing table, in nft's notation. */

import { bitsOf, ipFromNumber, ipToNumber } from '@homeward/shared/net/address';
import {
  cutPrefixes,
  flattenPrefixes,
  intervalText,
  joinNeighbours,
  type ValuedInterval,
  type ValuedPrefix,
} from '@homeward/shared/net/intervals';
import { parsePrefix, prefixContains, prefixInterval } from '@homeward/shared/net/prefix';
import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { anyAddress, anyFamily, anyPrefix } from './generators.js';

type Entries = readonly ValuedPrefix<string>[];

/** Entries of one family, and some addresses of it. */
const anyCase = anyFamily.chain((family) =>
  fc.record({
    family: fc.constant(family),
    entries: fc.array(fc.record({ prefix: anyPrefix[family], value: fc.constantFrom('a', 'b', 'c') }), {
      maxLength: 12,
    }),
    some: fc.array(anyAddress[family].map(ipToNumber)),
  }),
);

/** What a routing table would answer: the longest matching prefix, of equals the first. */
function naiveLookup(entries: Entries, address: ReturnType<typeof ipFromNumber>): string | undefined {
  const matching = entries.filter(({ prefix }) => prefixContains(prefix, address));
  const longest = Math.max(...matching.map(({ prefix }) => prefix.length));
  return matching.find(({ prefix }) => prefix.length === longest)?.value;
}

const covering = (pieces: readonly ValuedInterval<string>[], value: bigint) =>
  pieces.find(({ first, last }) => first <= value && value <= last);

function expectAscending(pieces: readonly ValuedInterval<string>[]): void {
  for (const { first, last } of pieces) expect(first <= last).to.equal(true);
  pieces.slice(1).forEach((piece, index) => {
    expect(piece.first > (pieces[index]?.last ?? -1n)).to.equal(true);
  });
}

describe('net/intervals', () => {
  it('gives disjoint, ascending intervals, neighbours of one value joined', () => {
    fc.assert(
      fc.property(anyCase, ({ entries }) => {
        const pieces = flattenPrefixes(entries);
        expectAscending(pieces);
        pieces.slice(1).forEach((piece, index) => {
          const before = pieces[index];
          if (before?.last === piece.first - 1n) expect(piece.value).to.not.equal(before.value);
        });
      }),
    );
  });

  it('answers as a longest-prefix lookup for any address, above all at the edges', () => {
    fc.assert(
      fc.property(anyCase, ({ family, entries, some }) => {
        const most = (1n << BigInt(bitsOf(family))) - 1n;
        for (const pieces of [flattenPrefixes(entries), cutPrefixes(entries)]) {
          const edges = pieces.flatMap(({ first, last }) => [first - 1n, first, last, last + 1n]);
          for (const value of [...some, ...edges].filter((one) => one >= 0n && one <= most)) {
            const found = covering(pieces, value);
            expect(found?.value).to.equal(naiveLookup(entries, ipFromNumber(family, value)));
            expect(found?.family ?? family).to.equal(family);
          }
        }
      }),
    );
  });

  it('cuts so that within one piece every address is covered by the same prefixes', () => {
    fc.assert(
      fc.property(anyCase, ({ entries }) => {
        const pieces = cutPrefixes(entries);
        expectAscending(pieces);
        const coveredBy = (value: bigint) =>
          entries.map(({ prefix }) => {
            const { first, last } = prefixInterval(prefix);
            return first <= value && value <= last;
          });
        for (const { first, last } of pieces) {
          expect(coveredBy(first)).to.deep.equal(coveredBy(last));
          // No boundary of a prefix lies inside.
          for (const { prefix } of entries) {
            const edge = prefixInterval(prefix);
            expect(edge.first > first && edge.first <= last).to.equal(false);
            expect(edge.last >= first && edge.last < last).to.equal(false);
          }
        }
      }),
    );
  });

  it('joins what it had cut, and nothing across a gap or of other values', () => {
    fc.assert(
      fc.property(anyCase, ({ entries }) => {
        expect(joinNeighbours(cutPrefixes(entries))).to.deep.equal(flattenPrefixes(entries));
        const joined = flattenPrefixes(entries);
        expect(joinNeighbours(joined)).to.deep.equal(joined);
      }),
    );
    const piece = (first: bigint, last: bigint, value: string) => ({ family: 'ipv6' as const, first, last, value });
    expect(
      joinNeighbours([piece(0n, 1n, 'a'), piece(2n, 2n, 'a'), piece(4n, 5n, 'a'), piece(6n, 7n, 'b')]),
    ).to.deep.equal([piece(0n, 2n, 'a'), piece(4n, 5n, 'a'), piece(6n, 7n, 'b')]);
  });

  it('makes nothing of nothing', () => {
    expect(flattenPrefixes([])).to.deep.equal([]);
    expect(cutPrefixes([])).to.deep.equal([]);
  });

  it('cuts a host out of a network', () => {
    const texts = (network: string, host: string) =>
      flattenPrefixes([
        { prefix: parsePrefix(network), value: 'lan' },
        { prefix: parsePrefix(host), value: 'host' },
      ]).map((piece) => `${intervalText(piece)} ${piece.value}`);
    expect(texts('192.168.1.0/29', '192.168.1.2')).to.deep.equal([
      '192.168.1.0/31 lan',
      '192.168.1.2 host',
      '192.168.1.3-192.168.1.7 lan',
    ]);
    expect(texts('2001:db8::/125', '2001:db8::2')).to.deep.equal([
      '2001:db8::/127 lan',
      '2001:db8::2 host',
      '2001:db8::3-2001:db8::7 lan',
    ]);
  });

  it('writes a prefix as a prefix, a host as an address, and all else by its ends', () => {
    fc.assert(
      fc.property(
        anyFamily.chain((family) => anyPrefix[family]),
        (prefix) => {
          const text = intervalText(prefixInterval(prefix));
          expect(parsePrefix(text)).to.deep.equal(prefix);
          expect(text.includes('/')).to.equal(prefix.length < (text.includes(':') ? 128 : 32));
        },
      ),
    );
    const ends = (first: string, last: string) => {
      const [from, to] = [first, last].map((text) => prefixInterval(parsePrefix(text)));
      if (from === undefined || to === undefined) throw new Error('two are needed');
      return intervalText({ family: from.family, first: from.first, last: to.last });
    };
    expect(ends('0.0.0.0', '9.255.255.255')).to.equal('0.0.0.0-9.255.255.255');
    // As long as a /31 or /127, but not where one can begin.
    expect(ends('0.0.0.1', '0.0.0.2')).to.equal('0.0.0.1-0.0.0.2');
    expect(ends('fd00::1', 'fd00::2')).to.equal('fd00::1-fd00::2');
    expect(ends('fe80::', 'febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff')).to.equal('fe80::/10');
  });
});
