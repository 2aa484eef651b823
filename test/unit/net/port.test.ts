/** Ports and ranges: what is one, what is none, and how they overlap. */

import {
  formatPortRange,
  joinRanges,
  type PortRange,
  parsePort,
  parsePortRange,
  port,
  portsOf,
  rangeContains,
  rangeLength,
  rangesOverlap,
  rangesWithout,
} from '@homeward/shared/net/port';
import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { thrownBy } from '../errors/thrown.js';
import { anyRange, closeRange } from './generators.js';

const covers = (range: PortRange, value: number) => value >= range.first && value <= range.last;
const asRanges = (text: string) => (text === '' ? [] : text.split(' ').map(parsePortRange));
const asText = (ranges: readonly PortRange[]) => ranges.map(formatPortRange).join(' ');

describe('net/port', () => {
  it('reads every port it prints', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 65_535 }), (value) => {
        expect(parsePort(String(value))).to.equal(value);
      }),
    );
  });

  it('refuses everything else', () => {
    const texts = [
      '',
      '0',
      '65536',
      '-1',
      '+1',
      '1.5',
      '0443',
      ' 443',
      '443 ',
      '0x10',
      '1e3',
      'http',
      '９',
      '9'.repeat(400),
    ];
    for (const text of texts) {
      expect(
        thrownBy(() => parsePort(text)),
        text,
      ).to.include({ code: 'bad-input' });
    }
    for (const value of [0, 65_536, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(thrownBy(() => port(value)).message).to.equal(`${value} is not a port: ports go from 1 to 65535`);
    }
  });

  it('reads every range it prints', () => {
    fc.assert(
      fc.property(anyRange, (range) => {
        expect(parsePortRange(formatPortRange(range))).to.deep.equal(range);
        expect(rangeLength(range)).to.equal(range.last - range.first + 1);
      }),
    );
  });

  it('prints a range of one as a port', () => {
    expect(formatPortRange(parsePortRange('80-80'))).to.equal('80');
  });

  it('shows how a backward range should be written', () => {
    expect(thrownBy(() => parsePortRange('6000-5000'))).to.include({
      code: 'bad-input',
      message: 'range 6000-5000 runs backwards',
      hint: 'write 5000-6000',
    });
    expect(thrownBy(() => parsePortRange('1-2-3')).message).to.match(/"1-2-3" is not a port or a range/);
    expect(thrownBy(() => parsePortRange('5000-')).code).to.equal('bad-input');
  });

  it('ranges overlap exactly when they share a port', () => {
    fc.assert(
      fc.property(anyRange, anyRange, (a, b) => {
        const shared = covers(b, a.first) || covers(a, b.first);
        expect(rangesOverlap(a, b)).to.equal(shared);
        expect(rangesOverlap(b, a)).to.equal(shared);
      }),
    );
  });

  it('lists every port of a range once, and knows them for its own', () => {
    fc.assert(
      fc.property(closeRange, fc.integer({ min: 0, max: 40 }), (range, value) => {
        const ports = portsOf(range);
        expect(ports).to.have.lengthOf(rangeLength(range));
        expect(ports[0]).to.equal(range.first);
        expect(new Set(ports).size).to.equal(ports.length);
        expect(rangeContains(range, value)).to.equal(new Set<number>(ports).has(value));
      }),
    );
  });

  it('leaves of a range without some ports exactly the others, in as few pieces as can be', () => {
    const holes = fc.array(fc.integer({ min: -2, max: 40 }), { maxLength: 12 });
    fc.assert(
      fc.property(closeRange, holes, (range, gone) => {
        const pieces = rangesWithout(range, gone);
        expect(pieces.flatMap(portsOf)).to.deep.equal(portsOf(range).filter((one) => !gone.includes(one)));
        pieces.slice(1).forEach((piece, index) => {
          expect(piece.first).to.be.above((pieces[index]?.last ?? 0) + 1);
        });
      }),
    );
    const without = (range: string, ...gone: number[]) => asText(rangesWithout(parsePortRange(range), gone));
    expect(without('1-65535', 22, 7700)).to.equal('1-21 23-7699 7701-65535');
    expect(without('1-65535', 65_535, 1, 1)).to.equal('2-65534');
    expect(without('22', 22)).to.equal('');
    expect(without('21-23')).to.equal('21-23');
  });

  it('joins ranges that overlap, and none that merely touch, losing and adding no port', () => {
    fc.assert(
      fc.property(fc.array(closeRange, { maxLength: 8 }), (ranges) => {
        const joined = joinRanges(ranges);
        const ports = (of: readonly PortRange[]) => [...new Set(of.flatMap(portsOf))].sort((a, b) => a - b);
        expect(ports(joined)).to.deep.equal(ports(ranges));
        joined.slice(1).forEach((range, index) => {
          expect(range.first).to.be.above(joined[index]?.last ?? 0);
        });
        // Each of them lies within one: a key of an interval set holds it whole.
        for (const range of ranges) {
          expect(joined.filter((one) => covers(one, range.first) && covers(one, range.last))).to.have.lengthOf(1);
        }
        expect(joinRanges(joined)).to.deep.equal(joined);
      }),
    );
    const join = (text: string) => asText(joinRanges(asRanges(text)));
    expect(join('5000-5999 1-10 5500-6500 6500-6600 10')).to.equal('1-10 5000-6600');
    expect(join('1-10 11-20')).to.equal('1-10 11-20');
    expect(join('1-100 20-30')).to.equal('1-100');
    expect(join('')).to.equal('');
  });
});
