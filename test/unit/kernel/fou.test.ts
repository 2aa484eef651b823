/** Ports at which the kernel takes GRE out of UDP: listed, added, removed. */

import { fouAdd, fouDelete, parseFouPorts } from '@homeward/shared/kernel/fou';
import { expect } from 'chai';
import { describe, it } from 'mocha';

describe('kernel/fou', () => {
  it("reads ip's listing, of other protocols and of GUE as well: nobody else can have their ports", () => {
    const json = `[{"port":7700,"ipproto":47,"family":"inet"},{"port":5555,"gue":null,"family":"inet"},
      {"port":7701,"ipproto":"gre","family":"inet"}]`;
    expect(parseFouPorts(json)).to.deep.equal([7700, 5555, 7701]);
  });

  it('reads that there are none', () => {
    expect(['', '\n', '[]', '[ ]\n'].map(parseFouPorts)).to.deep.equal([[], [], [], []]);
  });

  it('leaves alone ports of IPv6, which are others than ours', () => {
    const json = `[{"port":7700,"ipproto":47,"family":"inet6"},{"port":7702,"ipproto":47,"family":"inet"}]`;
    expect(parseFouPorts(json)).to.deep.equal([7702]);
  });

  it('refuses what is not a listing', () => {
    for (const text of ['{}', 'null', '[1', '[{"port": "x"}]', 'port 7700 ipproto 47']) {
      expect(() => parseFouPorts(text), text).to.throw();
    }
  });

  it('adds and removes a port for GRE alone', () => {
    expect([fouAdd(7700), fouDelete(7700)].map(({ file, args }) => [file, ...args].join(' '))).to.deep.equal([
      'ip fou add port 7700 ipproto 47',
      'ip fou del port 7700',
    ]);
  });
});
