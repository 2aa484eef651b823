/** Keys and texts of resources: equal exactly for equal resources, and free of secrets. */

import { parseIpv4 } from '@homeward/shared/net/ipv4';
import { parseLinkName } from '@homeward/shared/net/names';
import { port } from '@homeward/shared/net/port';
import { Secret } from '@homeward/shared/net/secret';
import { hostState, keyOf, ruleText, textOf } from '@homeward/shared/state/describe';
import type { Resource, WireguardDevice, WireguardPeer } from '@homeward/shared/state/resources';
import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';

const link = parseLinkName('hw1');
const address = parseIpv4('10.77.16.2');

function peer(publicKey: string, more: Partial<WireguardPeer> = {}): WireguardPeer {
  const allowedIps = ['0.0.0.0/0', '::/0'];
  return { publicKey, presharedKey: new Secret('SHARED'), allowedIps, endpoint: null, keepaliveSeconds: null, ...more };
}

function device(peers: readonly WireguardPeer[], more: Partial<WireguardDevice> = {}): WireguardDevice {
  const privateKey = new Secret('PRIVATE');
  return { kind: 'wireguard-device', link, privateKey, publicKey: 'PUBLIC', listenPort: 51_820, peers, ...more };
}

describe('state/describe', () => {
  it('names and describes each kind in words of its field', () => {
    const resources: Resource[] = [
      { kind: 'link', name: link, type: 'wireguard', mtu: 1420, up: true },
      { kind: 'address', link, address, prefixLength: 32 },
      { kind: 'route', table: 7701, destination: 'default', link },
      { kind: 'rule', priority: 4601, selector: { from: address }, action: { kind: 'lookup', table: 7701 } },
      { kind: 'sysctl', path: 'net/ipv4/conf/hw1/rp_filter', value: '2' },
      { kind: 'nft-table', name: 'homeward_relay', body: 'text', fingerprint: 'abc' },
      { kind: 'nft-element', table: 'homeward_relay', set: 'any4', key: 'tcp . 443', value: '10.77.16.2 . 443' },
      device([peer('B', { endpoint: '198.51.100.1:51820', keepaliveSeconds: 25 }), peer('A')]),
    ];
    expect(resources.map((resource) => `${keyOf(resource)} | ${textOf(resource)}`)).to.deep.equal([
      'link hw1 | wireguard mtu 1420 up',
      'address 10.77.16.2/32 dev hw1 | ',
      'route default table 7701 | dev hw1',
      'rule pref 4601 from 10.77.16.2 lookup 7701 | ',
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
      ruleText(32_770, { udpSourcePort: port(53) }, lookup),
    ]).to.deep.equal([
      'pref 4001 iif hw1 goto 4999',
      'pref 4301 fwmark 0x1000000/0xff000000 lookup 7701',
      'pref 4501 from 10.77.16.2 lookup main suppress_prefixlength 0',
      'pref 4999 nop',
      'pref 32770 ipproto udp sport 53 lookup 7701',
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

  it('prints no private or preshared key', () => {
    expect(textOf(device([peer('A')]))).to.not.match(/PRIVATE|SHARED/);
  });

  it('keeps the last of resources with one key', () => {
    const sysctl = (value: string): Resource => ({ kind: 'sysctl', path: 'net/ipv4/ip_forward', value });
    const state = hostState([sysctl('0'), sysctl('1')]);
    expect([...state.values()]).to.deep.equal([sysctl('1')]);
  });
});
