/** Errors in a value carry the name of the setting. */

import { RelayError } from '@homeward/shared/errors/relay-error';
import { inSetting } from '@homeward/shared/terminal/setting';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { thrownBy } from '../errors/thrown.js';

describe('terminal/setting', () => {
  const failing = (hint?: string) => () => {
    throw new RelayError('conflict', '"x" is wrong', { hint });
  };

  it('gives what is right', () => {
    expect(inSetting('--pool', '10.77.0.0/20', () => 7)).to.equal(7);
  });

  it('names the setting and shows an example', () => {
    expect(thrownBy(() => inSetting('--pool', '10.77.0.0/20', failing()))).to.include({
      code: 'conflict',
      message: '--pool: "x" is wrong',
      hint: 'example: --pool 10.77.0.0/20',
    });
  });

  it('keeps a better hint', () => {
    expect(thrownBy(() => inSetting('--pool', '10.77.0.0/20', failing('write y'))).hint).to.equal('write y');
  });

  it('is no place for other errors', () => {
    const parse = () => {
      throw new TypeError('a bug');
    };
    expect(() => inSetting('--pool', '10.77.0.0/20', parse)).to.throw(TypeError, 'a bug');
  });
});
