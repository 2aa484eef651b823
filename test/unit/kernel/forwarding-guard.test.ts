/** Between which links forwarding stays closed once we switch it on. */

import { guardedLinks, guardRule } from '@homeward/shared/kernel/forwarding-guard';
import { expect } from 'chai';
import { describe, it } from 'mocha';

describe('kernel/forwarding-guard', () => {
  it('guards the links there are when forwarding is still off', () => {
    expect(guardedLinks(undefined, '0', ['eth1', 'eth0'])).to.deep.equal(['eth0', 'eth1']);
  });

  it('guards nothing where somebody else had it on', () => {
    expect(guardedLinks(undefined, '1', ['eth0', 'eth1'])).to.deep.equal([]);
    expect(guardedLinks({ before: '1', links: ['eth0'] }, '1', ['eth0'])).to.deep.equal([]);
  });

  it('keeps guarding those of the first write, and no link that came later', () => {
    expect(guardedLinks({ before: '0', links: ['eth1', 'eth0'] }, '1', ['docker0', 'eth0'])).to.deep.equal([
      'eth0',
      'eth1',
    ]);
  });

  it('drops between any two of them', () => {
    expect(guardRule(['eth0', 'eth1'])).to.equal('iifname { "eth0", "eth1" } oifname { "eth0", "eth1" } drop');
  });
});
