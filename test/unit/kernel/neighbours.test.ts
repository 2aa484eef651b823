/** Neighbours, from a recorded listing. */

import { parseNeighbours } from '@homeward/shared/kernel/neighbours';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { recorded } from './recorded.js';

describe('kernel/neighbours', () => {
  it('are there, absent, or not known to be either', () => {
    const lines = parseNeighbours(recorded('neighbours.json')).map(
      ({ address, link, state }) => `${address} ${link} ${state}`,
    );
    expect(lines).to.deep.equal([
      '192.168.1.98 d0 absent',
      '192.168.1.97 d0 unclear',
      '192.168.1.25 d0 unclear',
      '192.168.1.30 d0 unclear',
      '192.168.1.29 d0 there',
      '2001:db8:1::7 d0 there',
    ]);
  });

  it('are none where ip prints none, and nothing is made of what is no listing', () => {
    expect(parseNeighbours('')).to.deep.equal([]);
    expect(parseNeighbours('[]\n')).to.deep.equal([]);
    for (const text of ['192.168.1.98 dev d0 FAILED', '[{"dev":"d0"}]', '{}']) {
      expect(() => parseNeighbours(text), text).to.throw(/^ip printed/);
    }
  });
});
