/** What exempts replies from a transparent gateway's rule. */

import { exemption, isCapture } from '@homeward/controller/probe/capture';
import type { DropSite } from '@homeward/controller/probe/verdict';
import { expect } from 'chai';
import { describe, it } from 'mocha';

const site: DropSite = {
  ...{ at: 'backend', direction: 'reply', table: 'ip mangle', chain: 'clash' },
  rule: '-A clash -p tcp -j TPROXY --on-port 7893',
};

describe('probe/capture', () => {
  it('is a reply that a rule hands to a proxy', () => {
    expect(isCapture(site)).to.equal(true);
    expect(isCapture({ ...site, rule: null })).to.equal(false);
    expect(isCapture({ ...site, rule: 'tcp dport 80 drop comment "no tproxy"' })).to.equal(false);
    expect(isCapture({ ...site, direction: 'request' })).to.equal(false);
  });

  it('is exempted in the tool that made the rule', () => {
    const match = '-m conntrack --ctdir REPLY -m connmark ! --mark 0/0xff000000 -j RETURN';
    expect(exemption(site)).to.equal(`iptables -t mangle -I clash ${match}`);
    expect(exemption({ ...site, table: 'ip6 mangle' })).to.equal(`ip6tables -t mangle -I clash ${match}`);
    const nft = { ...site, table: 'inet gateway', rule: 'tproxy to :7893' };
    expect(exemption(nft)).to.equal(
      'nft insert rule inet gateway clash ct direction reply ct mark and 0xff000000 != 0 return',
    );
  });

  it('is not told where a name would be more than a name to a shell', () => {
    expect(exemption({ ...site, chain: 'clash;reboot' })).to.equal(null);
    expect(exemption({ ...site, table: 'ip $(reboot)' })).to.equal(null);
    expect(exemption({ ...site, chain: '-F' })).to.equal(null);
  });
});
