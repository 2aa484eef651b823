/** Tables: columns line up, with and without colour. */

import { table } from '@homeward/shared/terminal/table';
import { expect } from 'chai';
import { describe, it } from 'mocha';

describe('terminal/table', () => {
  it('lines columns up and leaves no blanks at the end', () => {
    const text = table(
      ['NAME', 'STATE'],
      [
        ['home', 'online'],
        ['nas-2-in-the-attic', 'waiting'],
        ['x', ''],
      ],
    );
    expect(text.split('\n')).to.deep.equal([
      'NAME                STATE',
      'home                online',
      'nas-2-in-the-attic  waiting',
      'x',
    ]);
  });

  it('does not count colour as width', () => {
    const text = table(
      ['A', 'B'],
      [
        ['\u001b[32mok\u001b[39m', '1'],
        ['bad', '2'],
      ],
    );
    expect(text.split('\n')).to.deep.equal(['A    B', '\u001b[32mok\u001b[39m   1', 'bad  2']);
  });

  it('prints the header alone where there are no rows, and bears short rows', () => {
    expect(table(['A', 'B'], [])).to.equal('A  B');
    expect(table(['A', 'B'], [['1']])).to.equal('A  B\n1');
  });
});
