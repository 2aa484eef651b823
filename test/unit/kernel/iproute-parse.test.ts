/** Recorded `ip -j`: links with addresses, routes of all tables, policy rules, ours and foreign ones. */

import { parseLinks, parseRoutes, parseRules } from '@homeward/shared/kernel/iproute-parse';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { recorded } from './recorded.js';

describe('kernel/iproute-parse', () => {
  it('reads links of every kind with their IPv4 addresses', () => {
    const lines = parseLinks(recorded('addresses.json')).map(
      ({ name, type, up, mtu, addresses }) =>
        `${name} ${type} ${up ? 'up' : 'down'} ${mtu} ${addresses.map((a) => `${a.address}/${a.prefixLength} ${a.scope}`)}`,
    );
    expect(lines).to.have.members([
      'lo null up 65536 127.0.0.1/8 host',
      'up0 veth up 1500 ',
      'eth0 veth up 1500 203.0.113.9/24 global',
      'lan0 veth down 1500 ',
      'eth1 veth up 1500 192.168.1.2/24 global',
      'docker0 bridge up 1500 172.17.0.1/16 global',
      'hw1 tun up 1420 10.77.16.2/32 global',
    ]);
  });

  it('reads a kernel WireGuard device', () => {
    const json = `[{"ifindex":4,"ifname":"hw0","flags":["POINTOPOINT","NOARP"],"mtu":1420,"qdisc":"noop","operstate":"DOWN",
      "linkinfo":{"info_kind":"wireguard"},"addr_info":[]}]`;
    expect(parseLinks(json)).to.deep.equal([
      { name: 'hw0', index: 4, up: false, mtu: 1420, type: 'wireguard', addresses: [] },
    ]);
  });

  it('reads routes of all tables, with linkdown and unreachable ones', () => {
    const lines = parseRoutes(recorded('routes.json')).map(
      (r) =>
        `${r.type} ${r.destination} dev ${r.link} table ${r.table} proto ${r.protocol} src ${r.source} ${r.metric}`,
    );
    expect(lines).to.include.members([
      'unicast default dev hw1 table 7701 proto 177 src null 0',
      'unicast 198.18.0.0/24 dev eth0 table 666 proto boot src 203.0.113.9 0',
      'unicast default dev eth0 table main proto boot src null 100',
      'unicast 10.9.0.0/16 dev eth1 table main proto boot src null 0',
      'unreachable 10.99.0.0/16 dev null table main proto boot src null 0',
      'unicast 192.168.1.0/24 dev eth1 table main proto kernel src 192.168.1.2 0',
      'local 10.77.16.2 dev hw1 table local proto kernel src 10.77.16.2 0',
      'broadcast 127.255.255.255 dev lo table local proto kernel src 127.0.0.1 0',
    ]);
    expect(lines).to.have.lengthOf(18);
  });

  it('reads our rules exactly', () => {
    const ours = parseRules(recorded('rules.json')).filter((rule) => rule.protocol === '177');
    const none = { from: 'all', iif: null, fwmark: null, ipProtocol: null, sourcePort: null, protocol: '177' };
    expect(ours).to.deep.equal([
      { ...none, priority: 4001, iif: 'hw1', action: { kind: 'goto', priority: 4999 } },
      {
        ...none,
        priority: 4301,
        fwmark: { value: 0x0100_0000, mask: 0xff00_0000 },
        action: { kind: 'lookup', table: 7701 },
      },
      { ...none, priority: 4501, from: '10.77.16.2', action: { kind: 'lookup', table: 'main', suppressDefault: true } },
      { ...none, priority: 4601, from: '10.77.16.2', action: { kind: 'lookup', table: 7701 } },
      { ...none, priority: 4999, action: { kind: 'nop' } },
      { ...none, priority: 32_770, ipProtocol: 'udp', sourcePort: 53, action: { kind: 'lookup', table: 7701 } },
    ]);
  });

  it('reads foreign rules without stumbling', () => {
    const foreign = parseRules(recorded('rules.json')).filter((rule) => rule.protocol === null);
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
    expect(foreign.find((rule) => rule.priority === 5250)).to.include({ from: '192.168.1.0/24', action: null });
  });

  it('takes no output for an empty list, and leaves out the gaps of other families', () => {
    expect(parseRoutes('')).to.deep.equal([]);
    expect(parseRules('\n')).to.deep.equal([]);
    expect(parseLinks('[{},{}]')).to.deep.equal([]);
  });

  it('refuses what is not a listing', () => {
    for (const text of ['{}', 'null', '[1', '[{"ifname": 7}]', '["x", {"ifname": "eth0"}]']) {
      expect(() => parseLinks(text), text).to.throw();
    }
  });
});
