/** Durations as people type them. */

import { parseDuration } from '@homeward/shared/terminal/duration';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { thrownBy } from '../errors/thrown.js';

describe('terminal/duration', () => {
  it('reads seconds, minutes, hours and days', () => {
    const table = { '1s': 1_000, '90s': 90_000, '10m': 600_000, '1h': 3_600_000, '24d': 2_073_600_000, '007s': 7_000 };
    for (const [text, milliseconds] of Object.entries(table)) {
      expect(parseDuration(text, '--timeout'), text).to.equal(milliseconds);
    }
  });

  it('gives nothing that a timer could not hold', () => {
    expect(parseDuration('24d', '--timeout')).to.be.below(2 ** 31);
  });

  it('refuses everything else, naming the flag', () => {
    for (const text of [
      '',
      '0s',
      '10',
      'h',
      '-1h',
      '1.5h',
      '1 h',
      '1h30m',
      '1H',
      '25d',
      '1w',
      '9'.repeat(400).concat('d'),
    ]) {
      expect(
        thrownBy(() => parseDuration(text, '--expires')),
        text,
      ).to.include({
        code: 'bad-input',
        message: `--expires "${text}" is not a duration between 1s and 24d`,
        hint: 'example: --expires 10m',
      });
    }
  });

  it('names the bounds of the flag, for what is none as for what is too short or too long', () => {
    const bounds = { least: 5_000, most: 600_000 };
    expect(parseDuration('5s', '--confirm-timeout', bounds)).to.equal(5_000);
    expect(parseDuration('10m', '--confirm-timeout', bounds)).to.equal(600_000);
    for (const text of ['2', '4s', '601s', '1h']) {
      expect(
        thrownBy(() => parseDuration(text, '--confirm-timeout', bounds, '1m')),
        text,
      ).to.include({
        message: `--confirm-timeout "${text}" is not a duration between 5s and 10m`,
        hint: 'example: --confirm-timeout 1m',
      });
    }
  });
});
