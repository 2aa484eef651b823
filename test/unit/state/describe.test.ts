/** Keys and texts of resources: equal exactly for equal resources, and free of secrets. */

import { parseIpv4, parseIpv6 } from '@homeward/shared/net/address';
import { parseLinkName } from '@homeward/shared/net/names';
import { parsePortRange } from '@homeward/shared/net/port';
import { Secret } from '@homeward/shared/net/secret';
import { deviceText, eachElement, elementsKey, keyOf, ruleText, textOf } from '@homeward/shared/state/describe';
import { hostState } from '@homeward/shared/state/host-state';
import type {
  GreDevice,
  NftElement,
  PolicyRule,
  Resource,
  WireguardDevice,
  WireguardPeer,
} from '@homeward/shared/state/resources';
import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';

const link = parseLinkName('hw1');
const address = parseIpv4('10.77.16.2');
const address6 = parseIpv6('fd77:16::2');
const gre: GreDevice = { type: 'gre', remote: parseIpv4('203.0.113.9'), local: null, key: null, udp: null };

function peer(publicKey: string, more: Partial<WireguardPeer> = {}): WireguardPeer {
  const allowedIps = ['0.0.0.0/0', '::/0'];
  return { publicKey, presharedKey: new Secret('SHARED'), allowedIps, endpoint: null, keepaliveSeconds: null, ...more };
}

function device(peers: readonly WireguardPeer[], more: Partial<WireguardDevice> = {}): WireguardDevice {
  const privateKey = new Secret('PRIVATE');
  return { kind: 'wireguard-device', link, privateKey, publicKey: 'PUBLIC', listenPort: 51_820, peers, ...more };
}

function rule(family: PolicyRule['family'], selector: PolicyRule['selector']): PolicyRule {
  return { kind: 'rule', family, priority: 4821, selector, action: { kind: 'lookup', table: 7701 } };
}

describe('state/describe', () => {
  it('names and describes each kind in words of its field', () => {
    const resources: Resource[] = [
      { kind: 'link', name: link, device: { type: 'wireguard' }, mtu: 1420, up: true },
      { kind: 'link', name: link, device: gre, mtu: 1476, up: false },
      { kind: 'fou-port', port: 7701 },
      { kind: 'address', link, address, prefixLength: 32 },
      { kind: 'address', link, address: address6, prefixLength: 128 },
      { kind: 'route', family: 'ipv4', table: 7701, destination: 'default', link, gateway: null },
      { kind: 'route', family: 'ipv6', table: 7701, destination: 'default', link, gateway: null },
      { kind: 'route', family: 'ipv4', table: 7701, destination: 'default', link, gateway: parseIpv4('10.8.0.1') },
      rule('ipv4', { from: address }),
      rule('ipv6', { from: address6 }),
      { kind: 'sysctl', path: 'net/ipv4/conf/hw1/rp_filter', value: '2' },
      { kind: 'nft-table', name: 'homeward_relay', body: 'text', fingerprint: 'abc' },
      { kind: 'nft-element', table: 'homeward_relay', set: 'any4', key: 'tcp . 443', value: '10.77.16.2 . 443' },
      device([peer('B', { endpoint: '198.51.100.1:51820', keepaliveSeconds: 25 }), peer('A')]),
    ];
    expect(resources.map((resource) => `${keyOf(resource)} | ${textOf(resource)}`)).to.deep.equal([
      'link hw1 | wireguard mtu 1420 up',
      'link hw1 | gre remote 203.0.113.9 local any mtu 1476 down',
      'fou port 7701 | ',
      'address 10.77.16.2/32 dev hw1 | ',
      'address fd77:16::2/128 dev hw1 | ',
      'route default table 7701 | dev hw1',
      'route -6 default table 7701 | dev hw1',
      'route default table 7701 | via 10.8.0.1 dev hw1',
      'rule pref 4821 from 10.77.16.2 lookup 7701 | ',
      'rule -6 pref 4821 from fd77:16::2 lookup 7701 | ',
      'sysctl net/ipv4/conf/hw1/rp_filter | 2',
      'table inet homeward_relay | skeleton abc',
      'element homeward_relay any4 { tcp . 443 } | 10.77.16.2 . 443',
      'wireguard hw1 | key PUBLIC port 51820; peer A allowed 0.0.0.0/0,::/0; peer B allowed 0.0.0.0/0,::/0 endpoint 198.51.100.1:51820 keepalive 25',
    ]);
  });

  it('writes rules as ip takes them', () => {
    const lookup = { kind: 'lookup', table: 7701 } as const;
    expect([
      ruleText(4001, { iif: link }, { kind: 'goto', priority: 4999 }),
      ruleText(4301, { fwmark: { value: 0x0100_0000, mask: 0xff00_0000 } }, lookup),
      ruleText(4501, { from: address }, { kind: 'lookup', table: 'main', suppressDefault: true }),
      ruleText(4999, {}, { kind: 'nop' }),
      ruleText(32_770, { sourcePorts: { transport: 'udp', ports: parsePortRange('53') } }, lookup),
      ruleText(32_770, { sourcePorts: { transport: 'udp', ports: parsePortRange('5000-5999') } }, lookup),
    ]).to.deep.equal([
      'pref 4001 iif hw1 goto 4999',
      'pref 4301 fwmark 0x1000000/0xff000000 lookup 7701',
      'pref 4501 from 10.77.16.2 lookup main suppress_prefixlength 0',
      'pref 4999 nop',
      'pref 32770 ipproto udp sport 53 lookup 7701',
      'pref 32770 ipproto udp sport 5000-5999 lookup 7701',
    ]);
  });

  it('does not care for the order of peers and of their prefixes', () => {
    const anyPeers = fc.uniqueArray(fc.stringMatching(/^[A-Z]{4}$/), { maxLength: 5 });
    fc.assert(
      fc.property(anyPeers, (names) => {
        const there = device(names.map((name) => peer(name, { allowedIps: ['10.0.0.1/32', '10.0.0.2/32'] })));
        const back = device(
          [...names].reverse().map((name) => peer(name, { allowedIps: ['10.0.0.2/32', '10.0.0.1/32'] })),
        );
        expect(textOf(there)).to.equal(textOf(back));
      }),
    );
  });

  it('sees every difference of a device that the kernel can have', () => {
    const base = device([peer('A')]);
    const others = [
      device([]),
      device([peer('B')]),
      device([peer('A'), peer('B')]),
      device([peer('A', { allowedIps: ['10.0.0.1/32'] })]),
      device([peer('A', { endpoint: '198.51.100.1:51820' })]),
      device([peer('A', { keepaliveSeconds: 25 })]),
      device([peer('A')], { publicKey: 'OTHER' }),
      device([peer('A')], { listenPort: 51_821 }),
      device([peer('A')], { listenPort: null }),
    ];
    expect(new Set([base, ...others].map(textOf)).size).to.equal(others.length + 1);
  });

  it('sees every difference of a GRE device', () => {
    const others: GreDevice[] = [
      { ...gre, type: 'ip6gre', remote: address6 },
      { ...gre, remote: parseIpv4('203.0.113.7') },
      { ...gre, local: parseIpv4('198.51.100.1') },
      { ...gre, key: 0 },
      { ...gre, key: 1 },
      { ...gre, udp: { source: 7700, destination: 7701 } },
      { ...gre, udp: { source: 7700, destination: 7702 } },
      { ...gre, udp: { source: 7701, destination: 7702 } },
    ];
    expect(new Set([gre, ...others].map(deviceText)).size).to.equal(others.length + 1);
    expect(deviceText({ ...gre, key: 1, udp: { source: 7701, destination: 7700 } })).to.equal(
      'gre remote 203.0.113.9 local any key 1 encap fou encap-sport 7701 encap-dport 7700',
    );
  });

  it('prints no private or preshared key', () => {
    expect(textOf(device([peer('A')]))).to.not.match(/PRIVATE|SHARED/);
  });

  it('keeps the last of resources with one key', () => {
    const sysctl = (value: string): Resource => ({ kind: 'sysctl', path: 'net/ipv4/ip_forward', value });
    const state = hostState([sysctl('0'), sysctl('1')]);
    expect([...state.values()]).to.deep.equal([sysctl('1')]);
  });

  it('tells the same rule of the two families apart', () => {
    const both = hostState([rule('ipv4', {}), rule('ipv6', {})]);
    expect([...both.keys()]).to.deep.equal(['rule pref 4821 lookup 7701', 'rule -6 pref 4821 lookup 7701']);
  });

  it('gathers elements by their set, keeping the last of one key, and gives them back one by one', () => {
    const anyElement = fc.record({
      kind: fc.constant('nft-element' as const),
      table: fc.constantFrom('homeward_relay', 'homeward_backend'),
      set: fc.constantFrom('any4', 'any6'),
      key: fc.constantFrom('tcp . 1', 'tcp . 2', 'udp . 1'),
      value: fc.option(fc.constantFrom('10.77.16.2 . 1', '10.77.16.2 . 2')),
    });
    fc.assert(
      fc.property(fc.array(anyElement), (elements: readonly NftElement[]) => {
        const state = hostState(elements);
        const last = new Map(elements.map((one) => [keyOf(one), one]));
        const back = [...state.values()].flatMap((one) => (one.kind === 'nft-elements' ? eachElement(one) : []));
        expect(back).to.have.deep.members([...last.values()]);
        for (const [key, one] of state) {
          expect(one.kind === 'nft-elements' ? elementsKey(one.table, one.set) : null).to.equal(key);
        }
      }),
    );
  });

  it('takes gathered elements as they are, which no copy of thousands is worth', () => {
    const elements = new Map([['tcp . 443', '10.77.16.2 . 443']]);
    const state = hostState([{ kind: 'nft-elements', table: 'homeward_relay', set: 'any4', elements }]);
    const found = state.get(elementsKey('homeward_relay', 'any4'));
    expect(found?.kind === 'nft-elements' && found.elements === elements).to.equal(true);
  });
});
