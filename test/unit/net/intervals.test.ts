/** Disjoint intervals from overlapping prefixes: the same answer as a routing table, in nft's notation. */

import { flattenPrefixes, intervalText, type ValuedPrefix } from '@homeward/shared/net/intervals';
import { ipv4FromNumber, ipv4PrefixContains, ipv4ToNumber, parseIpv4Prefix } from '@homeward/shared/net/ipv4';
import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { anyAddress, anyPrefix } from './generators.js';

const anyEntries = fc.array(fc.record({ prefix: anyPrefix, value: fc.constantFrom('a', 'b', 'c') }), { maxLength: 12 });

/** What a routing table would answer: the longest matching prefix, of equals the first. */
function naiveLookup(entries: readonly ValuedPrefix<string>[], address: string): string | undefined {
  const matching = entries.filter(({ prefix }) => ipv4PrefixContains(prefix, parseIpv4Prefix(address).address));
  const longest = Math.max(...matching.map(({ prefix }) => prefix.length));
  return matching.find(({ prefix }) => prefix.length === longest)?.value;
}

describe('net/intervals', () => {
  it('gives disjoint, sorted intervals, neighbours of one value joined', () => {
    fc.assert(
      fc.property(anyEntries, (entries) => {
        const pieces = flattenPrefixes(entries);
        for (const { first, last } of pieces) expect(first).to.be.at.most(last);
        pieces.slice(1).forEach((piece, index) => {
          const before = pieces[index];
          expect(piece.first).to.be.above(before?.last ?? -1);
          if (before?.last === piece.first - 1) expect(piece.value).to.not.equal(before.value);
        });
      }),
    );
  });

  it('answers as a longest-prefix lookup for any address, above all at the edges', () => {
    fc.assert(
      fc.property(anyEntries, fc.array(anyAddress), (entries, some) => {
        const pieces = flattenPrefixes(entries);
        const edges = pieces.flatMap(({ first, last }) => [first - 1, first, last, last + 1]);
        const numbers = [...some.map(ipv4ToNumber), ...edges].filter((value) => value >= 0 && value <= 0xffff_ffff);
        for (const value of numbers) {
          const found = pieces.find(({ first, last }) => first <= value && value <= last)?.value;
          expect(found).to.equal(naiveLookup(entries, ipv4FromNumber(value)));
        }
      }),
    );
  });

  it('makes nothing of nothing', () => {
    expect(flattenPrefixes([])).to.deep.equal([]);
  });

  it('cuts a host out of a network', () => {
    const entries = [
      { prefix: parseIpv4Prefix('192.168.1.0/29'), value: 'lan' },
      { prefix: parseIpv4Prefix('192.168.1.2/32'), value: 'host' },
    ];
    expect(flattenPrefixes(entries).map((piece) => `${intervalText(piece)} ${piece.value}`)).to.deep.equal([
      '192.168.1.0/31 lan',
      '192.168.1.2 host',
      '192.168.1.3-192.168.1.7 lan',
    ]);
  });

  it('writes intervals as nft lists them', () => {
    const texts = ['0.0.0.0/0', '10.0.0.0/8', '192.0.2.1', '128.0.0.0/1', '255.255.255.255'];
    for (const text of texts) {
      const [piece] = flattenPrefixes([{ prefix: parseIpv4Prefix(text), value: true }]);
      if (piece === undefined) throw new Error('no interval');
      expect(intervalText(piece)).to.equal(text);
    }
    expect(intervalText({ first: 0, last: ipv4ToNumber(parseIpv4Prefix('9.255.255.255').address) })).to.equal(
      '0.0.0.0-9.255.255.255',
    );
    // As long as a /31, but not where one can begin.
    expect(intervalText({ first: 1, last: 2 })).to.equal('0.0.0.1-0.0.0.2');
  });
});
