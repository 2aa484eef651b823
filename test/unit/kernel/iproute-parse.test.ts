/** Recorded `ip -j` of both families: links with addresses, routes of all tables, policy rules, ours and foreign ones. */

import { parseLinks, parseRoutes, parseRules } from '@homeward/shared/kernel/iproute-parse';
import { deviceText } from '@homeward/shared/state/describe';
import type { GreDevice } from '@homeward/shared/state/resources';
import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { anyAddress } from '../net/generators.js';
import { recorded } from './recorded.js';

describe('kernel/iproute-parse', () => {
  it('reads links of every kind with their addresses', () => {
    const lines = parseLinks(recorded('addresses.json')).map(({ name, type, up, mtu, addresses }) => {
      // Link-local ones are made of random MAC addresses.
      const given = addresses.filter(({ scope }) => scope !== 'link');
      const texts = given.map((one) => `${one.address}/${one.prefixLength} ${one.scope}`);
      return `${name} ${type} ${up ? 'up' : 'down'} ${mtu} ${texts}`;
    });
    expect(lines).to.have.members([
      'lo null up 65536 127.0.0.1/8 host,::1/128 host',
      'up0 veth up 1500 ',
      'eth0 veth up 1500 203.0.113.9/24 global,2001:db8:1::9/64 global',
      'lan0 veth down 1500 ',
      'eth1 veth up 1500 192.168.1.2/24 global,fd00:1::2/64 global',
      'docker0 bridge up 1500 172.17.0.1/16 global',
      'hw1 tun up 1420 10.77.16.2/32 global,fd77:16::2/128 global',
    ]);
  });

  it('reads a kernel WireGuard device', () => {
    const json = `[{"ifindex":4,"ifname":"hw0","flags":["POINTOPOINT","NOARP"],"mtu":1420,"qdisc":"noop","operstate":"DOWN",
      "linkinfo":{"info_kind":"wireguard"},"addr_info":[]}]`;
    expect(parseLinks(json)).to.deep.equal([
      {
        ...{ name: 'hw0', index: 4, up: false, mtu: 1420, type: 'wireguard' },
        pointToPoint: true,
        gre: null,
        addresses: [],
      },
    ]);
  });

  describe('GRE devices', () => {
    /** As iproute2 6.1 prints them, with everything it has to say. */
    const listed = (kind: string, data: string) =>
      parseLinks(`[{"ifindex":5,"link":null,"ifname":"hwg1","flags":["POINTOPOINT","NOARP","UP","LOWER_UP"],"mtu":1464,
      "qdisc":"noqueue","operstate":"UNKNOWN","link_type":"gre","address":"198.51.100.1","link_pointtopoint":true,
      "broadcast":"203.0.113.9","promiscuity":0,"linkinfo":{"info_kind":"${kind}","info_data":${data}},
      "addr_info":[{"family":"inet","local":"10.77.16.1","prefixlen":32,"scope":"global","label":"hwg1"}]}]`)[0];

    it('are read with what they were made of', () => {
      const plain = listed('gre', '{"remote":"203.0.113.9","local":"any","ttl":64,"pmtudisc":true}');
      expect(plain).to.deep.include({ name: 'hwg1', type: 'gre', up: true, mtu: 1464, pointToPoint: true });
      expect(plain?.gre).to.deep.equal({ type: 'gre', remote: '203.0.113.9', local: null, key: null, udp: null });
      const full = listed(
        'gre',
        `{"remote":"203.0.113.9","local":"198.51.100.1","ttl":64,"pmtudisc":true,"ikey":"0.0.18.103","okey":"0.0.18.103",
        "encap":{"type":"fou","sport":7700,"dport":40000,"csum":false,"csum6":false,"remcsum":false}}`,
      );
      expect(full?.gre).to.deep.equal({
        ...{ type: 'gre', remote: '203.0.113.9', local: '198.51.100.1', key: 4711 },
        udp: { source: 7700, destination: 40_000 },
      });
      const six = `{"remote":"2001:db8:1::9","local":"2001:db8::1","ttl":64,"ip6_tnl_f_ign_encap_limit":true,
        "tclass":"0x00","flowlabel":"0x00000"}`;
      expect(listed('ip6gre', six)?.gre).to.deep.equal({
        ...{ type: 'ip6gre', remote: '2001:db8:1::9', local: '2001:db8::1', key: null, udp: null },
      });
    });

    it('have any key of 32 bits, which is printed as an address', () => {
      for (const [text, key] of [
        ['0.0.0.0', 0],
        ['0.0.0.1', 1],
        ['1.0.0.0', 0x0100_0000],
        ['255.255.255.255', 0xffff_ffff],
      ] as const) {
        const keyed = `{"remote":"203.0.113.9","local":"any","ttl":64,"pmtudisc":true,"ikey":"${text}","okey":"${text}"}`;
        expect(listed('gre', keyed)?.gre?.key, text).to.equal(key);
      }
    });

    it('are none of ours that lead to anybody, or whose other end packets name', () => {
      for (const data of [
        '{"remote":"any","local":"any","ttl":0,"pmtudisc":true}',
        '{"external":true}',
        '{}',
        'null',
      ]) {
        expect(listed('gre', data)?.gre, data).to.equal(null);
      }
      expect(listed('gretap', '{"remote":"203.0.113.9","local":"any"}')?.gre).to.equal(null);
    });

    it('are described as they were asked for, whatever was asked', () => {
      const quad = (key: number) => [24, 16, 8, 0].map((bits) => (key >>> bits) & 255).join('.');
      const anyDevice: fc.Arbitrary<GreDevice> = fc.constantFrom('ipv4' as const, 'ipv6' as const).chain((family) =>
        fc.record({
          type: fc.constant(family === 'ipv4' ? ('gre' as const) : ('ip6gre' as const)),
          remote: anyAddress[family].filter((address) => !/^(0\.0\.0\.0|::)$/.test(address)),
          local: fc.option(anyAddress[family].filter((address) => !/^(0\.0\.0\.0|::)$/.test(address))),
          key: fc.option(fc.integer({ min: 0, max: 0xffff_ffff })),
          udp: fc.option(fc.record({ source: fc.integer({ min: 1, max: 65_535 }), destination: fc.nat(65_535) })),
        }),
      );
      fc.assert(
        fc.property(anyDevice, (device) => {
          const { type, remote, local, key, udp } = device;
          const keys = key === null ? {} : { ikey: quad(key), okey: quad(key) };
          const encap = udp === null ? {} : { encap: { type: 'fou', sport: udp.source, dport: udp.destination } };
          const printed = { remote, local: local ?? 'any', ttl: 64, ...keys, ...encap };
          const back = listed(type, JSON.stringify(printed))?.gre;
          expect(back === null || back === undefined ? null : deviceText(back)).to.equal(deviceText(device));
        }),
      );
    });
  });

  it('reads the next machine of a route, where there is one', () => {
    const json = `[{"dst":"default","gateway":"10.147.17.1","dev":"zt0","table":"7701","protocol":"177","flags":["onlink"]},
      {"dst":"10.77.16.2","dev":"hwg1","protocol":"177","scope":"link","flags":[]}]`;
    const found = parseRoutes(json, 'ipv4').map(({ destination, gateway, link, table, protocol }) =>
      [destination, gateway, link, table, protocol].join(' '),
    );
    expect(found).to.deep.equal(['default 10.147.17.1 zt0 7701 177', '10.77.16.2  hwg1 main 177']);
    const gateways = parseRoutes(recorded('routes.json'), 'ipv4').map(({ gateway }) => gateway);
    expect(gateways.filter((gateway) => gateway !== null).length).to.be.above(0);
  });

  const routeLine = (r: ReturnType<typeof parseRoutes>[number]) =>
    `${r.family} ${r.type} ${r.destination} dev ${r.link} table ${r.table} proto ${r.protocol} src ${r.source} ${r.metric}`;

  it('reads routes of all tables, with linkdown, unreachable and multipath ones', () => {
    const lines = parseRoutes(recorded('routes.json'), 'ipv4').map(routeLine);
    expect(lines).to.include.members([
      'ipv4 unicast default dev hw1 table 7701 proto 177 src null 0',
      'ipv4 unicast 198.18.0.0/24 dev eth0 table 666 proto boot src 203.0.113.9 0',
      'ipv4 unicast default dev eth0 table main proto boot src null 100',
      'ipv4 unicast 10.8.0.0/24 dev null table main proto boot src null 0',
      'ipv4 unicast 10.9.0.0/16 dev eth1 table main proto boot src null 0',
      'ipv4 unreachable 10.99.0.0/16 dev null table main proto boot src null 0',
      'ipv4 unicast 192.168.1.0/24 dev eth1 table main proto kernel src 192.168.1.2 0',
      'ipv4 local 10.77.16.2 dev hw1 table local proto kernel src 10.77.16.2 0',
      'ipv4 broadcast 127.255.255.255 dev lo table local proto kernel src 127.0.0.1 0',
    ]);
    expect(lines).to.have.lengthOf(19);
  });

  it("reads IPv6's routes, with advertised, anycast and multicast ones", () => {
    const lines = parseRoutes(recorded('routes6.json'), 'ipv6').map(routeLine);
    expect(lines).to.include.members([
      'ipv6 unicast default dev hw1 table 7701 proto 177 src null 1024',
      'ipv6 unicast default dev eth0 table main proto ra src null 1024',
      'ipv6 unicast 3fff:1::/32 dev eth0 table 666 proto boot src 2001:db8:1::9 1024',
      'ipv6 unicast 2001:db8:9::/48 dev eth1 table main proto boot src null 1024',
      'ipv6 unicast 2001:db8:77::/48 dev null table main proto boot src null 1024',
      'ipv6 unreachable 2001:db8:dead::/48 dev lo table main proto boot src null 1024',
      'ipv6 unicast fd77:16::2 dev hw1 table main proto kernel src null 256',
      'ipv6 local fd77:16::2 dev hw1 table local proto kernel src null 0',
      'ipv6 anycast 2001:db8:1:: dev eth0 table local proto kernel src null 0',
      'ipv6 multicast ff00::/8 dev eth0 table local proto kernel src null 256',
    ]);
    expect(lines).to.have.lengthOf(JSON.parse(recorded('routes6.json')).length);
  });

  for (const [family, file, tunnel] of [
    ['ipv4', 'rules.json', '10.77.16.2'],
    ['ipv6', 'rules6.json', 'fd77:16::2'],
  ] as const) {
    it(`reads our ${family} rules exactly`, () => {
      const ours = parseRules(recorded(file), family).filter((rule) => rule.protocol === '177');
      const none = {
        family,
        from: 'all',
        to: null,
        iif: null,
        fwmark: null,
        ipProtocol: null,
        sourcePorts: null,
        protocol: '177',
      };
      const lookup = { action: { kind: 'lookup', table: 7701 }, table: '7701' };
      const answering = (first: number, last: number) => ({
        ...none,
        ...{ priority: 32_770, ipProtocol: 'udp', sourcePorts: { first, last } },
        ...lookup,
      });
      expect(ours).to.deep.equal([
        { ...none, priority: 4001, iif: 'hw1', action: { kind: 'goto', priority: 5100 }, table: null },
        { ...none, priority: 4301, fwmark: { value: 0x0100_0000, mask: 0xff00_0000 }, ...lookup },
        {
          ...none,
          priority: 4561,
          from: tunnel,
          action: { kind: 'lookup', table: 'main', suppressDefault: true },
          table: 'main',
        },
        { ...none, priority: 4821, from: tunnel, ...lookup },
        { ...none, priority: 5100, action: { kind: 'nop' }, table: null },
        answering(53, 53),
        answering(5000, 5999),
        answering(40_404, 40_404),
      ]);
    });
  }

  it('reads foreign rules without stumbling', () => {
    const foreign = parseRules(recorded('rules.json'), 'ipv4').filter((rule) => rule.protocol === null);
    const marks = foreign.map(({ priority, fwmark }) => [priority, fwmark?.value, fwmark?.mask]);
    expect(marks).to.deep.equal([
      [0, undefined, undefined],
      [5210, 0x80000, 0xff0000],
      [5230, 666, 0xffff_ffff],
      [5250, undefined, undefined],
      [5260, undefined, undefined],
      [5270, 0xca6c, 0xffff_ffff],
      [32_766, undefined, undefined],
      [32_767, undefined, undefined],
    ]);
    expect(foreign.find((rule) => rule.priority === 5250)).to.deep.include({
      ...{ from: '192.168.1.0/24', action: { kind: 'blackhole' } },
    });
    const foreign6 = parseRules(recorded('rules6.json'), 'ipv6').filter((rule) => rule.protocol === null);
    expect(foreign6.map(({ priority }) => priority)).to.deep.equal([0, 5210, 5250, 5260, 5270, 32_766]);
    expect(foreign6.find((rule) => rule.priority === 5250)).to.deep.include({
      ...{ from: 'fd00:1::/64', action: { kind: 'blackhole' } },
    });
    expect(foreign6.find((rule) => rule.priority === 5260)).to.deep.include({
      ipProtocol: 'tcp',
      sourcePorts: { first: 5000, last: 6000 },
    });
  });

  it('reads where a rule is for some destinations only', () => {
    const json = `[{"priority":0,"src":"all","table":"local"},
      {"priority":5230,"src":"all","dst":"8.8.0.0","dstlen":16,"table":"666"},
      {"priority":5231,"src":"all","dst":"9.9.9.9","table":"666"}]`;
    expect(parseRules(json, 'ipv4').map(({ to }) => to)).to.deep.equal([null, '8.8.0.0/16', '9.9.9.9']);
  });

  it('takes no output for an empty list, and leaves out the gaps of other families', () => {
    expect(parseRoutes('', 'ipv6')).to.deep.equal([]);
    expect(parseRules('\n', 'ipv4')).to.deep.equal([]);
    expect(parseLinks('[{},{}]')).to.deep.equal([]);
  });

  it('refuses what is not a listing', () => {
    for (const text of ['{}', 'null', '[1', '[{"ifname": 7}]', '["x", {"ifname": "eth0"}]']) {
      expect(() => parseLinks(text), text).to.throw();
    }
  });
});
