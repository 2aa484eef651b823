/** What a session and this machine tell of a tunnel that cannot be: NAT, families, devices, old versions. */

import { tunnelProblem } from '@homeward/controller/daemon/tunnel-problem';
import type { TunnelFacts } from '@homeward/controller/desired/pairing-tunnel';
import { FAMILIES, parseIp } from '@homeward/shared/net/address';
import type { TunnelSpec } from '@homeward/shared/tunnel/tunnel-spec';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { helloOf } from '../server/rig.js';

const ALL = ['wireguard', 'gre', 'gre-udp', 'external'];
const FACTS: TunnelFacts = {
  ...{ uplinkMtu: 1500, families: FAMILIES },
  devices: { tun0: { ipv4: null, ipv6: null, mtu: 1400 } },
};
const PLAIN: TunnelSpec = { kind: 'gre', udp: false, key: null };
const IN_UDP: TunnelSpec = { kind: 'gre', udp: true, key: 1 };

/** Of a backend that arrives from `remote` and calls from `own`. */
function problem(spec: TunnelSpec, remote: string, own: string | null = remote, capabilities = ALL) {
  const hello = helloOf('boot', { capabilities, outerAddress: own === null ? null : parseIp(own) });
  return tunnelProblem('home', spec, { hello, remoteAddress: remote }, FACTS);
}

describe('daemon/tunnel-problem', () => {
  it('is none for WireGuard, wherever the backend is', () => {
    expect(problem({ kind: 'wireguard' }, '203.0.113.9', '192.168.1.2')).to.equal(null);
    expect(problem({ kind: 'wireguard' }, '2001:db8:1::9', null)).to.equal(null);
  });

  it('is NAT for GRE, which has no ports, and says what passes there', () => {
    expect(problem(PLAIN, '203.0.113.9')).to.equal(null);
    expect(problem(PLAIN, '2001:db8:1::9')).to.equal(null);
    expect(problem(PLAIN, '203.0.113.9', '192.168.1.2')).to.deep.equal({
      reason:
        'backend "home" is behind NAT: it calls from 192.168.1.2 and arrives as 203.0.113.9; GRE does not pass there',
      hint: 'GRE in UDP does: controller pair home --tunnel gre --udp; so does WireGuard, which also encrypts',
    });
    expect(problem(PLAIN, '203.0.113.9', null)?.reason).to.include('it calls from an unknown address');
  });

  it('is IPv6 for GRE in UDP, and says what needs no UDP there', () => {
    expect(problem(IN_UDP, '203.0.113.9', '192.168.1.2')).to.equal(null);
    const six = problem(IN_UDP, '2001:db8:1::9');
    expect(six?.reason).to.equal('backend "home" calls by IPv6, and GRE in UDP goes over IPv4 only');
    expect(six?.hint).to.match(/controller pair home --tunnel gre$/);
  });

  it("is a device of this relay's that is away, for an external tunnel", () => {
    expect(problem({ kind: 'external', device: 'tun0' }, '203.0.113.9')).to.equal(null);
    expect(problem({ kind: 'external', device: 'tun1' }, '203.0.113.9')?.reason).to.equal(
      'this relay has no device tun1 that is up',
    );
  });

  it('is a version that does not know the kind', () => {
    const specs: TunnelSpec[] = [PLAIN, IN_UDP, { kind: 'external', device: 'tun0' }];
    for (const spec of specs) {
      expect(problem(spec, '203.0.113.9', '203.0.113.9', ['wireguard'])).to.deep.equal({
        reason: 'backend "home" runs version 0.1.0, which knows no such tunnel',
        hint: 'update homeward there',
      });
    }
    expect(problem(IN_UDP, '203.0.113.9', null, ['wireguard', 'gre'])).to.not.equal(null);
  });
});
