/** Between which links forwarding stays closed once we switch it on. */

import { FORWARDING, forwardingPaths, guardedLinks, guardRule } from '@homeward/shared/kernel/forwarding-guard';
import { expect } from 'chai';
import { describe, it } from 'mocha';

const present = (values: Readonly<Record<string, string>>) => new Map(Object.entries(values));
const own = (link: string) => `net/ipv4/conf/${link}/forwarding`;
const recorded = (before: string, links: readonly string[]) => ({ [FORWARDING]: { before, links } });

describe('kernel/forwarding-guard', () => {
  it('guards the links there are when forwarding is still off', () => {
    expect(guardedLinks({}, present({ [FORWARDING]: '0' }), ['eth1', 'eth0'])).to.deep.equal(['eth0', 'eth1']);
  });

  it('guards nothing where somebody else had it on', () => {
    expect(guardedLinks({}, present({ [FORWARDING]: '1' }), ['eth0', 'eth1'])).to.deep.equal([]);
    expect(guardedLinks(recorded('1', ['eth0']), present({ [FORWARDING]: '1' }), ['eth0'])).to.deep.equal([]);
  });

  it('keeps guarding those of the first write, and no link that came later', () => {
    const links = guardedLinks(recorded('0', ['eth1', 'eth0']), present({ [FORWARDING]: '1' }), ['docker0', 'eth0']);
    expect(links).to.deep.equal(['eth0', 'eth1']);
  });

  it('does not guard a link that forwarded by its own switch, before our write or until it', () => {
    const now = present({ [FORWARDING]: '0', [own('br0')]: '1', [own('eth0')]: '0' });
    expect(guardedLinks({}, now, ['br0', 'eth0'])).to.deep.equal(['eth0']);
    const before = { ...recorded('0', ['br0', 'eth0']), [own('br0')]: { before: '1', links: [] } };
    const after = present({ [FORWARDING]: '1', [own('br0')]: '1', [own('eth0')]: '1' });
    const eth0 = { [own('eth0')]: { before: '0', links: [] } };
    expect(guardedLinks({ ...before, ...eth0 }, after, ['br0', 'eth0'])).to.deep.equal(['eth0']);
  });

  it('asks for the switch of the machine and those of its links', () => {
    expect(forwardingPaths(['eth0'])).to.deep.equal([FORWARDING, own('eth0')]);
  });

  it('drops between any two of them', () => {
    expect(guardRule(['eth0', 'eth1'])).to.equal('iifname { "eth0", "eth1" } oifname { "eth0", "eth1" } drop');
  });
});
