/** Names that cross a border: hostile ones stay outside. */

import { parseBackendName, parseLinkName } from '@homeward/shared/net/names';
import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { thrownBy } from '../errors/thrown.js';

const HOSTILE = [
  '',
  ' ',
  'wg0;reboot',
  '%d',
  '../x',
  '..',
  '.',
  '-a',
  'a b',
  'a\n',
  '\u0000',
  'a"b',
  '$(id)',
  '`id`',
  'a/b',
  'ä',
  '{ }',
];

describe('net/names', () => {
  it('takes ordinary backend names', () => {
    for (const name of ['home', 'nas-2', 'a', '7', 'a'.repeat(32)]) expect(parseBackendName(name)).to.equal(name);
  });

  it('refuses hostile, upper case and long backend names, showing the rule', () => {
    for (const name of [...HOSTILE, 'Home', 'HOME', 'a'.repeat(33), 'home-', '-home', 'a_b', 'a.b', 'home\u0085']) {
      const error = thrownBy(() => parseBackendName(name));
      expect(error.message, name).to.equal(`${JSON.stringify(name)} is not a backend name`);
      expect(error.hint).to.equal('use up to 32 lower case letters, digits and dashes, for example home or nas-2');
    }
  });

  it('takes names that devices have', () => {
    for (const name of ['hw0', 'eth0.100', 'br-12ab', 'wlp3s0', 'tun_home', 'A', 'a'.repeat(15)]) {
      expect(parseLinkName(name)).to.equal(name);
    }
  });

  it('refuses device names that we would not hand to ip or nft', () => {
    for (const name of [...HOSTILE, 'a'.repeat(16), 'hw0 ', 'hw0\thw1', '_x']) {
      expect(thrownBy(() => parseLinkName(name)).code, name).to.equal('bad-input');
    }
  });

  it('lets nothing through that could end a word or a quotation', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        for (const parse of [parseBackendName, parseLinkName]) {
          try {
            expect(parse(text)).to.match(/^[A-Za-z0-9_.-]+$/);
          } catch (error) {
            expect(error).to.have.property('code', 'bad-input');
          }
        }
      }),
    );
  });
});
