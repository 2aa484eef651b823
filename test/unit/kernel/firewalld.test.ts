/** Zones as firewalld lists them (1.3.3), and what we ask of it. */

import {
  type Firewalld,
  firewalldAdd,
  firewalldRemove,
  presentFirewalldAllowances,
  richRule,
  richRules,
  trustedLinks,
  zonesOf,
} from '@homeward/shared/kernel/firewalld';
import { parseFirewalldZones } from '@homeward/shared/kernel/firewalld-parse';
import { parseIpv4, parseIpv6 } from '@homeward/shared/net/address';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { recorded } from './recorded.js';

const firewalld: Firewalld = {
  zones: parseFirewalldZones(recorded('firewalld-zones.txt')),
  defaultZone: 'public',
};
const present = (priority: number) =>
  presentFirewalldAllowances(firewalld, { priority, isTrustedLink: (name) => name === 'hw1' }).map(
    ({ zone, item, value }) => `${zone} ${item} ${value}`,
  );

describe('kernel/firewalld', () => {
  it('reads every zone with its links and rules', () => {
    expect(firewalld.zones.map(({ name }) => name)).to.deep.equal([
      'block',
      'dmz',
      'drop',
      'external',
      'home',
      'internal',
      'public',
      'trusted',
      'work',
    ]);
    expect(firewalld.zones.find(({ name }) => name === 'trusted')?.interfaces).to.deep.equal(['hw1', 'vpn0']);
    expect(firewalld.zones.find(({ name }) => name === 'public')?.richRules).to.have.lengthOf(5);
  });

  it("says rules in the words in which they are listed, and tells a side's own by their priority", () => {
    const remote = { ipv4: parseIpv4('203.0.113.7'), ipv6: parseIpv6('2001:db8::7') };
    expect(present(7700)).to.have.members([
      'trusted interface hw1',
      `public rich-rule ${richRule({ protocol: 'tcp', port: 7700 }, 7700)}`,
      `public rich-rule ${richRule({ protocol: 'gre', source: remote.ipv4 }, 7700)}`,
      `external rich-rule ${richRule({ protocol: 'udp', port: 51820 }, 7700)}`,
    ]);
    expect(present(7701)).to.have.members([
      'trusted interface hw1',
      `public rich-rule ${richRule({ protocol: 'gre', source: remote.ipv6 }, 7701)}`,
    ]);
  });

  it('knows the zone of a link that is in none', () => {
    expect(zonesOf(firewalld, ['eth0', 'eth1', 'eth2'])).to.deep.equal(['public', 'external']);
  });

  it('trusts a device of ours, but not where its owner has put it elsewhere', () => {
    expect(trustedLinks(['hw1', 'hw2', 'eth1'], firewalld).map(({ value }) => value)).to.deep.equal(['hw1', 'hw2']);
  });

  it('changes the runtime only', () => {
    const [device] = trustedLinks(['hw1'], firewalld);
    const [rule] = richRules(['public'], [richRule({ protocol: 'tcp', port: 7700 }, 7700)]);
    if (device === undefined || rule === undefined) throw new Error('nothing is asked for');
    expect([firewalldAdd(device), firewalldRemove(rule)].map(({ args }) => args)).to.deep.equal([
      ['--zone=trusted', '--add-interface=hw1'],
      ['--zone=public', '--remove-rich-rule=rule priority="7700" port port="7700" protocol="tcp" accept'],
    ]);
  });
});
