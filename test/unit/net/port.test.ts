/** Ports and ranges: what is one, what is none, and how they overlap. */

import {
  formatPortRange,
  type PortRange,
  parsePort,
  parsePortRange,
  port,
  rangeLength,
  rangesOverlap,
} from '@homeward/shared/net/port';
import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { thrownBy } from '../errors/thrown.js';
import { anyRange } from './generators.js';

const covers = (range: PortRange, value: number) => value >= range.first && value <= range.last;

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
});
