/** Rules in Docker's chain, as `iptables -S` lists them (1.8.9) and as we say them. */

import { dockerRule, dockerRuleAdd, isDockerRuleOf, parseDockerUser } from '@homeward/shared/kernel/docker-user';
import { parseIpv4 } from '@homeward/shared/net/address';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { recorded } from './recorded.js';

const listed = parseDockerUser(recorded('docker-user.txt'));

describe('kernel/docker-user', () => {
  it('says rules in the words in which they are listed', () => {
    const rule = (match: Parameters<typeof dockerRule>[1], comment = 'homeward_relay') =>
      dockerRule('ipv4', match, comment);
    expect(listed).to.include.members([
      rule({ outLink: 'hw0', states: ['DNAT'] }),
      rule({ inLink: 'hw0', states: ['RELATED', 'ESTABLISHED'] }),
      rule({ connectionMark: { value: 0x0100_0000, mask: 0xff00_0000 } }, 'homeward_backend'),
      rule({ destination: parseIpv4('10.1.1.2'), outLink: 'tun0', states: ['DNAT'] }),
    ]);
  });

  it("tells a side's own rules from everybody else's by the whole comment", () => {
    expect(listed.filter((rule) => isDockerRuleOf(rule, 'homeward_backend'))).to.have.lengthOf(1);
    expect(listed.filter((rule) => isDockerRuleOf(rule, 'homeward'))).to.have.lengthOf(0);
  });

  it("puts a rule behind the owner's own, and before the return at the end", () => {
    const place = (present: readonly string[]) => dockerRuleAdd('ipv6', '-o hw0 -j ACCEPT', present).args.join(' ');
    expect(place(listed)).to.equal('-w -I DOCKER-USER 6 -o hw0 -j ACCEPT');
    expect(place(['-s 203.0.113.66/32 -j DROP'])).to.equal('-w -A DOCKER-USER -o hw0 -j ACCEPT');
  });
});
