/** What exempts replies from a transparent gateway's rule. */

import { exemption, isCapture } from '@homeward/controller/probe/capture';
import { withSite } from '@homeward/controller/probe/drop-text';
import type { Sample } from '@homeward/controller/probe/samples';
import type { DropSite, ProbeResult } from '@homeward/controller/probe/verdict';
import { parseIpv4 } from '@homeward/shared/net/address';
import { expect } from 'chai';
import { describe, it } from 'mocha';

const site: DropSite = {
  ...{ at: 'backend', direction: 'reply', table: 'ip mangle', chain: 'clash' },
  rule: '-A clash -p tcp -j TPROXY --on-port 7893',
};

const sample: Sample = {
  ...{ forward: '80=192.168.1.99/tcp', family: 'ipv4', transport: 'tcp', address: parseIpv4('198.51.100.1') },
  ...{ publicPort: 80, arrivalPort: 80, targetPort: 80, lan: null },
};

const red: ProbeResult = {
  ...{ backend: 'home', forward: '80=192.168.1.99/tcp', proto: 'tcp', port: 80, family: 'ipv4', client: '192.0.2.2:1' },
  ...{ seen: '192.0.2.2:1', arrivedOn: 'hw1', leftOn: null, replied: false, service: 'silent', rttMs: null },
  ...{ ok: false, cause: 'no-reply', hint: null, droppedBy: null, remedy: null },
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

  it('is told in whole, however long the rule', () => {
    const long = { ...site, rule: `-A clash -m comment --comment "${'x'.repeat(255)}" -p tcp -j TPROXY` };
    const { cause, hint, droppedBy } = withSite(red, long, sample);
    expect({ cause, droppedBy }).to.deep.equal({ cause: 'captured', droppedBy: long });
    expect(hint?.endsWith(`: ${exemption(site)}`), hint ?? '').to.equal(true);
  });

  it('is not told where a name would be more than a name to a shell', () => {
    expect(exemption({ ...site, chain: 'clash;reboot' })).to.equal(null);
    expect(exemption({ ...site, table: 'ip $(reboot)' })).to.equal(null);
    expect(exemption({ ...site, chain: '-F' })).to.equal(null);
  });
});
