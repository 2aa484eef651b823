/** Rules as ufw keeps them (0.36.2), and as we ask for them. */

import {
  presentUfwAllowances,
  type Ufw,
  type UfwMatch,
  ufwAllow,
  ufwAllowances,
  ufwDelete,
  ufwRule,
} from '@homeward/shared/kernel/ufw';
import { isUfwOptionOn, parseUfwRules } from '@homeward/shared/kernel/ufw-parse';
import { parseIpv4 } from '@homeward/shared/net/address';
import type { UfwAllowance } from '@homeward/shared/state/resources';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { recorded } from './recorded.js';

const rules = parseUfwRules(recorded('ufw-user.rules'), 'ipv4');
const ufw: Ufw = { isActive: true, families: ['ipv4', 'ipv6'], rules };
const remote = parseIpv4('203.0.113.7');

const ours: readonly UfwMatch[] = [
  { protocol: 'tcp', port: 7700 },
  { route: true, outLink: 'hw0' },
  { protocol: 'gre', source: remote },
];

describe('kernel/ufw', () => {
  it('says rules in the words that it reads them in', () => {
    expect(presentUfwAllowances(ufw, 'homeward_relay').map(({ rule }) => rule)).to.deep.equal(ours.map(ufwRule));
    expect(presentUfwAllowances(ufw, 'homeward_backend').map(({ rule }) => rule)).to.deep.equal([
      ufwRule({ inLink: 'hw1' }),
      ufwRule({ route: true, inLink: 'hw1' }),
    ]);
  });

  it("reads others' rules, whatever they decide, but for those of source ports", () => {
    const others = rules.filter(({ comment }) => comment?.startsWith('homeward') !== true);
    expect(others.map(({ rule, allows, comment }) => `${rule}: ${allows} ${comment}`)).to.deep.equal([
      'route allow in on eth0 out on tun0 proto tcp to 10.1.1.2 port 80: true null',
      'allow proto udp to any port 51820: false not now',
      'allow proto tcp to any port 22: false null',
      'allow out to any port 53: true null',
      'allow out on eth1 to any port 25: false null',
      'allow proto tcp to any port 443: false null',
    ]);
  });

  it('asks for both families at once, and for one where the rule has an address', () => {
    expect(ufwAllowances(ours, ufw, 'homeward_relay').map(({ families }) => families.join(' '))).to.deep.equal([
      'ipv4 ipv6',
      'ipv4 ipv6',
      'ipv4',
    ]);
  });

  it('does not ask where the owner has a rule for the same packets, which ufw would replace, nor where it is off', () => {
    expect(ufwAllowances([{ protocol: 'udp', port: 51820 }], ufw, 'homeward_relay')).to.deep.equal([]);
    expect(ufwAllowances(ours, { ...ufw, isActive: false }, 'homeward_relay')).to.deep.equal([]);
  });

  it('adds with the comment, and deletes by the rule alone', () => {
    const allowance: UfwAllowance = {
      ...{ kind: 'allowance', firewall: 'ufw', families: ['ipv4'], comment: 'homeward_relay' },
      rule: ufwRule({ route: true, outLink: 'hw0' }),
    };
    expect(ufwAllow(allowance).args).to.deep.equal('route allow out on hw0 comment homeward_relay'.split(' '));
    expect(ufwDelete(allowance).args).to.deep.equal('route delete allow out on hw0'.split(' '));
    expect(ufwDelete({ ...allowance, rule: 'allow in on hw1' }).args).to.deep.equal(
      'delete allow in on hw1'.split(' '),
    );
  });

  it('reads an option in quotes and without, the last one counting', () => {
    expect(isUfwOptionOn('# ENABLED=no\nENABLED=no\nENABLED="Yes"\n', 'ENABLED')).to.equal(true);
    expect(isUfwOptionOn('IPV6=yes\nIPV6=no\n', 'IPV6')).to.equal(false);
    expect(isUfwOptionOn('#ENABLED=yes\n', 'ENABLED')).to.equal(false);
  });
});
