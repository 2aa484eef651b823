/** Text in columns. */

import { itemLines, wrap } from '@homeward/shared/terminal/manual/wrap';
import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';

describe('terminal/manual/wrap', () => {
  it('breaks between words and keeps line breaks', () => {
    expect(wrap('one two three four five\nsix', 20)).to.deep.equal(['one two three four', 'five', 'six']);
  });

  it('loses no word, and breaks no line that a word did not fill alone', () => {
    const words = fc.array(fc.stringMatching(/^[a-z/<>.-]{1,30}$/), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(words, fc.integer({ min: 20, max: 100 }), (given, width) => {
        const lines = wrap(given.join(' '), width);
        expect(lines.join(' ')).to.equal(given.join(' '));
        for (const line of lines) if (line.includes(' ')) expect(line.length).to.be.at.most(width);
      }),
    );
  });

  it('puts terms beside their meaning, long ones above it', () => {
    const items = [
      { term: '--json', says: 'one document on stdout' },
      { term: '--a-very-long-option-name <value>', says: 'long' },
    ];
    expect(itemLines(items, 34)).to.deep.equal([
      '  --json  one document on stdout',
      '  --a-very-long-option-name <value>',
      '          long',
    ]);
  });

  it('lines wrapped meanings up', () => {
    expect(itemLines([{ term: 'a', says: 'one two three four five six seven' }], 30)).to.deep.equal([
      '  a  one two three four five',
      '     six seven',
    ]);
  });
});
