/** The words that ip is given for GRE devices, routes and policy rules. */

import { greWords, routeDelete, routeReplace, ruleAdd, ruleDelete } from '@homeward/shared/kernel/iproute-render';
import { parseIp } from '@homeward/shared/net/address';
import { parseLinkName } from '@homeward/shared/net/names';
import { parsePortRange } from '@homeward/shared/net/port';
import type { GreDevice, PolicyRule, Route } from '@homeward/shared/state/resources';
import { expect } from 'chai';
import { describe, it } from 'mocha';

const GRE: GreDevice = { type: 'gre', remote: parseIp('203.0.113.9'), local: null, key: null, udp: null };
const words = (device: GreDevice) => greWords(parseLinkName('hwg1'), device).join(' ');

describe('kernel/iproute-render', () => {
  it('names everything of a GRE device, since what is not named would stay as it was', () => {
    expect(words(GRE)).to.equal('name hwg1 type gre remote 203.0.113.9 local 0.0.0.0 ttl 64');
    const udp = { source: 7700, destination: 40_000 };
    expect(words({ ...GRE, local: parseIp('198.51.100.1'), key: 4_294_967_295, udp })).to.equal(
      'name hwg1 type gre remote 203.0.113.9 local 198.51.100.1 key 4294967295 ttl 64 encap fou encap-sport 7700 encap-dport 40000',
    );
    expect(words({ ...GRE, key: 0 })).to.include(' key 0 ');
  });

  it('asks for GRE over IPv6 without the option of eight octets, whose room nobody counted', () => {
    const device: GreDevice = { ...GRE, type: 'ip6gre', remote: parseIp('2001:db8::1'), key: 1 };
    expect(words(device)).to.equal(
      'name hwg1 type ip6gre remote 2001:db8::1 local :: key 1 hoplimit 64 encaplimit none',
    );
  });

  it('names the next machine of a route where several are on the link', () => {
    const route = (gateway: string | null): Route => ({
      ...{ kind: 'route', family: 'ipv4', table: 7701, destination: 'default', link: parseLinkName('zt0') },
      gateway: gateway === null ? null : parseIp(gateway),
    });
    expect([route(null), route('10.147.17.1')].flatMap((one) => [routeReplace(one), routeDelete(one)])).to.deep.equal([
      'route replace default dev zt0 table 7701 protocol 177',
      'route del default dev zt0 table 7701',
      'route replace default via 10.147.17.1 dev zt0 onlink table 7701 protocol 177',
      'route del default via 10.147.17.1 dev zt0 onlink table 7701',
    ]);
  });

  it('names UDP by its number, which ip knows without /etc/protocols', () => {
    const rule: PolicyRule = {
      kind: 'rule',
      family: 'ipv4',
      priority: 4562,
      selector: { sourcePorts: { transport: 'udp', ports: parsePortRange('5000-5009') } },
      action: { kind: 'lookup', table: 7701 },
    };
    expect(ruleAdd(rule)).to.match(/^rule add pref 4562 ipproto 17 sport 5000-5009 lookup 7701 protocol \d+$/);
    expect(ruleDelete(rule)).to.match(/^rule del pref 4562 ipproto 17 sport 5000-5009 /);
  });
});
