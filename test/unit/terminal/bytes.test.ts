/** Byte figures for people. */

import { formatBytes, formatRate } from '@homeward/shared/terminal/bytes';
import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';

describe('terminal/bytes', () => {
  it('uses the largest binary unit that fits', () => {
    const table: Record<string, number> = {
      '0 B': 0,
      '999 B': 999,
      '1023 B': 1023,
      '1.0 KiB': 1024,
      '1.5 KiB': 1536,
      '1.0 MiB': 1_048_576,
      '12.3 GiB': 12.3 * 1024 ** 3,
      '2048.0 PiB': 2 * 1024 ** 6,
    };
    for (const [text, bytes] of Object.entries(table)) expect(formatBytes(bytes)).to.equal(text);
  });

  it('never shows 1024 of a unit that has a next one', () => {
    fc.assert(
      fc.property(fc.nat({ max: 2 ** 50 }), (bytes) => {
        expect(Number.parseFloat(formatBytes(bytes))).to.be.below(1024);
      }),
    );
  });

  it('shows a rate, and that there is none yet', () => {
    expect(formatRate(2048)).to.equal('2.0 KiB/s');
    expect(formatRate(0.2)).to.equal('0 B/s');
    expect(formatRate(null)).to.equal('-');
  });
});
