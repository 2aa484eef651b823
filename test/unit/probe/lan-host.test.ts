/** What is said of a host behind the backend that did not answer, and what is to be typed there. */

import { withVisit } from '@homeward/controller/probe/lan-host';
import { type Entrances, samplesOf } from '@homeward/controller/probe/samples';
import { withoutEntrance } from '@homeward/controller/probe/without-probe';
import { parseIp } from '@homeward/shared/net/address';
import { parseForward } from '@homeward/shared/net/forward-spec';
import type { Visit } from '@homeward/shared/protocol/messages';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { paired } from '../store/relay-states.js';

const ENTRANCES: Entrances = { ipv4: parseIp('198.51.100.1'), ipv6: parseIp('2001:db8::1') };
const OUTCOMES = ['answered', 'refused', 'absent', 'silent'] as const;

const told = (spec: string, outcome: Visit['outcome'], more: Partial<Visit> = {}, cause = 'no-reply') => {
  const [sample] = samplesOf(parseForward(spec), ENTRANCES);
  if (sample?.lan == null) throw new Error(`${spec} leads to no host`);
  const { lan, transport, arrivalPort: port } = sample;
  const red = { ...withoutEntrance(paired('home', 1, []), parseForward(spec), []), cause, hint: 'it arrived' };
  const source = lan.host.includes(':') ? '2001:db8:1::10' : '192.168.1.10';
  const visit: Visit = { transport, port, host: lan.host, source, router: null, outcome, ...more };
  return withVisit(red, visit, { ...sample, lan });
};

describe('probe/lan-host', () => {
  it('tells what hinders by what the host says to the backend itself', () => {
    const causes = (proto: string) => OUTCOMES.map((outcome) => told(`80=192.168.1.99:8080/${proto}`, outcome).cause);
    expect(causes('tcp')).to.deep.equal(['no-way-back', 'no-way-back', 'host-absent', 'host-silent']);
    expect(causes('udp')).to.deep.equal(['no-way-back', 'no-way-back', 'host-absent', 'no-reply']);
  });

  it('gives the commands for that host, with the real addresses and the ports of the whole forward', () => {
    expect(told('8100-8110=192.168.1.99:8000-8010/tcp', 'answered').remedy).to.deep.equal({
      at: '192.168.1.99',
      commands: [
        'ip route add default via 192.168.1.10 src 192.168.1.99 table 77',
        'ip rule add pref 76 ipproto tcp sport 8000-8010 lookup main suppress_prefixlength 0',
        'ip rule add pref 77 ipproto tcp sport 8000-8010 lookup 77',
      ],
    });
    expect(told('53=[2001:db8:1::99]/udp', 'silent').remedy?.commands).to.deep.equal([
      'ip -6 route add default via 2001:db8:1::10 src 2001:db8:1::99 table 77',
      'ip -6 rule add pref 76 ipproto udp sport 53 lookup main suppress_prefixlength 0',
      'ip -6 rule add pref 77 ipproto udp sport 53 lookup 77',
    ]);
  });

  it('has nothing to type where the host is not there, drops everything, or is behind a router', () => {
    const spec = '80=192.168.1.99/tcp';
    for (const outcome of ['absent', 'silent'] as const) expect(told(spec, outcome).remedy).to.equal(null);
    const routed = told(spec, 'answered', { router: '192.168.1.1' });
    expect(routed.remedy).to.equal(null);
    expect(routed.hint).to.include('first 192.168.1.1, send its answers to 192.168.1.10');
    expect(told(spec, 'absent', { router: '192.168.1.1' }).hint).to.match(
      /^192\.168\.1\.99 cannot be reached .*192\.168\.1\.1/,
    );
  });

  it('leaves what is red for another reason as it is', () => {
    for (const cause of ['not-arrived', 'reply-lost', 'dropped']) {
      expect(told('80=192.168.1.99/tcp', 'answered', {}, cause)).to.include({
        cause,
        hint: 'it arrived',
        remedy: null,
      });
    }
  });
});
