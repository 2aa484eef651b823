/** What should be in a backend's kernel for its relays. */

import { type BackendFacts, backendState, type RelayTunnel } from '@homeward/agent/desired/backend-state';
import { parseIpv4 } from '@homeward/shared/net/address';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { snapshotOf } from '../kernel/snapshots.js';
import { chosenSources, facts, sharedTunnel, tunnel } from './backend-states.js';
import { coarseLines, elementLines, textAt } from './state-lines.js';

const lines = (relays: readonly RelayTunnel[], machine: BackendFacts = facts()) =>
  coarseLines(backendState(relays, machine));
const elements = (relays: readonly RelayTunnel[], machine: BackendFacts = facts()) =>
  elementLines(backendState(relays, machine));
const rules = (relays: readonly RelayTunnel[], machine?: BackendFacts) =>
  lines(relays, machine).flatMap((line) => (line.startsWith('rule ') ? [line.slice('rule '.length)] : []));
const answering = (relays: readonly RelayTunnel[], machine?: BackendFacts) =>
  rules(relays, machine).filter((rule) => rule.includes(' 32770 ') || rule.startsWith('pref 32770'));
const skeleton = (relays: readonly RelayTunnel[], machine = facts()) =>
  textAt(backendState(relays, machine), 'table inet homeward_backend');

describe('desired/backend-state', () => {
  it('is nothing without a relay', () => {
    expect(backendState([], facts()).size).to.equal(0);
  });

  it('is, for one relay with a forward over TCP and one over UDP, this', () => {
    const relays = [tunnel(1, ['443/tcp', '53/udp'])];
    expect(lines(relays)).to.deep.equal([
      'link hw1 wireguard mtu 1420 up',
      `wireguard hw1 key PUBLIC-1; peer ${'A'.repeat(43)}= allowed 0.0.0.0/0,::/0 endpoint 198.51.100.1:51820 keepalive 25`,
      'sysctl net/ipv4/conf/all/send_redirects 0',
      'address 10.77.16.2/32 dev hw1',
      'route default table 7701 dev hw1',
      'rule pref 4001 iif hw1 goto 5100',
      'rule pref 4301 fwmark 0x1000000/0xff000000 lookup 7701',
      'rule pref 4561 from 10.77.16.2 lookup main suppress_prefixlength 0',
      'rule pref 4821 from 10.77.16.2 lookup 7701',
      'address fd77:16::2/128 dev hw1',
      'route -6 default table 7701 dev hw1',
      'rule -6 pref 4001 iif hw1 goto 5100',
      'rule -6 pref 4301 fwmark 0x1000000/0xff000000 lookup 7701',
      'rule -6 pref 4561 from fd77:16::2 lookup main suppress_prefixlength 0',
      'rule -6 pref 4821 from fd77:16::2 lookup 7701',
      'sysctl net/ipv4/conf/hw1/rp_filter 2',
      'sysctl net/ipv4/conf/hw1/src_valid_mark 1',
      'rule pref 5100 nop',
      'rule -6 pref 5100 nop',
      'table inet homeward_backend skeleton',
    ]);
    expect(elements(relays)).to.have.members([
      'tunnels { hw1 }',
      'tunnel-addresses4 { hw1 . 10.77.16.2 }',
      'echo4 { 10.77.16.2 . tcp . 40404 }',
      'echo4 { 10.77.16.2 . udp . 40404 }',
      'pinned4 { 10.77.16.2 . 40404 }',
      'tunnel-addresses6 { hw1 . fd77:16::2 }',
      'echo6 { fd77:16::2 . tcp . 40404 }',
      'echo6 { fd77:16::2 . udp . 40404 }',
      'pinned6 { fd77:16::2 . 40404 }',
      'impossible-sources4 { 0.0.0.0/8 }',
      'impossible-sources4 { 10.77.16.2 }',
      'impossible-sources4 { 127.0.0.0/8 }',
      'impossible-sources4 { 192.168.1.0/24 }',
      'impossible-sources4 { 224.0.0.0/3 }',
      'impossible-sources6 { ::/80 }',
      'impossible-sources6 { fd00:1::/64 }',
      'impossible-sources6 { fd77:16::2 }',
      'impossible-sources6 { fe80::/10 }',
      'impossible-sources6 { ff00::/8 }',
      'allowed4 { 10.77.16.2 . tcp . 443 }',
      'allowed6 { fd77:16::2 . tcp . 443 }',
      'allowed4 { 10.77.16.2 . udp . 53 }',
      'pinned4 { 10.77.16.2 . 53 }',
      'allowed6 { fd77:16::2 . udp . 53 }',
      'pinned6 { fd77:16::2 . 53 }',
      // Where no client can come from, there is no pin either.
      'source-pin4 { 1.0.0.0-126.255.255.255 : 192.168.1.2 }',
      'source-pin4 { 128.0.0.0-223.255.255.255 : 192.168.1.2 }',
      'source-pin6 { 2000::/3 : fd00:1::2 }',
      'source-pin6 { fc00::/7 : fd00:1::2 }',
    ]);
  });

  it('has nothing of IPv6 on a machine that does not speak it, but the same table', () => {
    const machine = facts({ families: ['ipv4'] });
    const relays = [tunnel(1, ['443/tcp', '80=[fd00:1::9]/tcp'])];
    expect(lines(relays, machine).filter((line) => line.includes('-6 ') || line.includes('fd77'))).to.deep.equal([]);
    const six = elements(relays, machine).filter((line) => line.includes('fd'));
    expect(six).to.deep.equal(['impossible-sources6 { fd00:1::/64 }']);
    expect(skeleton(relays, machine)).to.equal(skeleton(relays));
  });

  it('puts the rules of two relays in blocks by kind, not by relay, in each family', () => {
    const two = [tunnel(1, []), tunnel(3, [])];
    const blocks = (own: string, other: string) => [
      'pref 4001 iif hw1 goto 5100',
      'pref 4003 iif hw3 goto 5100',
      'pref 4301 fwmark 0x1000000/0xff000000 lookup 7701',
      'pref 4303 fwmark 0x3000000/0xff000000 lookup 7703',
      `pref 4561 from ${own} lookup main suppress_prefixlength 0`,
      `pref 4563 from ${other} lookup main suppress_prefixlength 0`,
      `pref 4821 from ${own} lookup 7701`,
      `pref 4823 from ${other} lookup 7703`,
      'pref 5100 nop',
    ];
    expect(rules(two).sort()).to.deep.equal([
      ...blocks('fd77:16::2', 'fd77:16::4').map((line) => `-6 ${line}`),
      ...blocks('10.77.16.2', '10.77.16.4'),
    ]);
  });

  describe("with an owner's device of one family beside a tunnel of ours", () => {
    const external = sharedTunnel(2, 'tun0', { ipv4: parseIpv4('10.8.0.2') }, ['80/tcp', '5353/udp']);
    const ours = tunnel(3, ['443/tcp']);
    const body = (relays: readonly RelayTunnel[], machine = facts()) => {
      const table = backendState(relays, machine).get('table inet homeward_backend');
      if (table?.kind !== 'nft-table') throw new Error('there is no table');
      return table.body.split('\n').map((line) => line.trim());
    };

    it('has for it no link and no address, and nothing of the other family', () => {
      const own = lines([external]).filter((line) => !line.startsWith('table '));
      expect(own).to.deep.equal([
        'route default table 7702 dev tun0',
        'rule pref 4002 iif tun0 goto 5100',
        'rule pref 4302 fwmark 0x2000000/0xff000000 lookup 7702',
        'rule pref 4562 from 10.8.0.2 lookup main suppress_prefixlength 0',
        'rule pref 4822 from 10.8.0.2 lookup 7702',
        'sysctl net/ipv4/conf/tun0/rp_filter 2',
        'sysctl net/ipv4/conf/tun0/src_valid_mark 1',
        'rule pref 5100 nop',
        'rule -6 pref 5100 nop',
      ]);
      const six = elements([external]).filter((line) => /6 \{/.test(line) && !line.startsWith('impossible'));
      expect(six).to.deep.equal([]);
      expect(elements([external])).to.include.members([
        'tunnels { tun0 }',
        'tunnel-addresses4 { tun0 . 10.8.0.2 }',
        'allowed4 { 10.8.0.2 . tcp . 80 }',
        'pinned4 { 10.8.0.2 . 5353 }',
        'echo4 { 10.8.0.2 . udp . 40404 }',
      ]);
    });

    it('leaves the other tunnel as it is, both families of it', () => {
      const both = elements([external, ours]);
      expect(both).to.include.members(elements([ours]));
      expect(lines([external, ours])).to.include.members(lines([ours]).filter((line) => !line.startsWith('table ')));
    });

    it('answers where no route leads by the first tunnel of each family that carries it', () => {
      const snapshot = snapshotOf({ eth0: ['192.168.1.2/24'] }, ['192.168.1.0/24 eth0']);
      const machine = facts({ snapshot, sources: new Map() });
      expect(answering([external, ours], machine)).to.deep.equal([
        'pref 32770 ipproto udp sport 5353 lookup 7702',
        'pref 32770 ipproto udp sport 40404 lookup 7702',
        '-6 pref 32770 ipproto udp sport 40404 lookup 7703',
      ]);
      expect(elements([external, ours], machine)).to.include.members([
        'source-pin4 { 1.0.0.0-126.255.255.255 : 10.8.0.2 }',
        'source-pin6 { 2000::/3 : fd77:16::4 }',
      ]);
      expect(answering([external], machine).filter((rule) => rule.startsWith('-6'))).to.deep.equal([]);
    });

    it('lets neighbours pass as before: not marked, not filtered, not led elsewhere', () => {
      const neighbour = 'iifname "tun0" ip saddr 10.8.0.0/24';
      const found = body([external, ours]).filter((line) => line.startsWith(neighbour));
      expect(found).to.deep.equal([`${neighbour} return`, `${neighbour} accept`, `${neighbour} accept`]);
      expect(body([ours]).join('\n')).to.not.include('tun0');
    });

    it("lets in all that is established there, since others' flows bear no mark, but of ours only what does", () => {
      const established = body([external, ours]).filter((line) => line.includes('ct state established,related'));
      expect(established).to.deep.equal([
        'iifname "tun0" ct state established,related accept',
        'iifname "hw3" ct state established,related ct mark and 0xff000000 == 0x03000000 accept',
      ]);
    });

    it('marks flows to its address only, in the families there are', () => {
      const marks = body([external, ours]).filter((line) => line.includes('ct mark set'));
      expect(marks).to.deep.equal([
        'iifname "tun0" ct state != related ct direction original ct original ip daddr 10.8.0.2 ct mark set ct mark and 0x00ffffff or 0x02000000',
        'iifname "hw3" ct state != related ct direction original ct original ip daddr 10.77.16.4 ct mark set ct mark and 0x00ffffff or 0x03000000',
        'iifname "hw3" ct state != related ct direction original ct original ip6 daddr fd77:16::4 ct mark set ct mark and 0x00ffffff or 0x03000000',
      ]);
    });

    it('lets what is led on from it pass the guard between links that were there, which knows nothing of it', () => {
      const forwarding = { guarded: { ipv4: ['eth0', 'tun0'], ipv6: [] }, advertised: [], switched: [] };
      const machine = facts({ forwarding });
      const lan = sharedTunnel(2, 'tun0', { ipv4: parseIpv4('10.8.0.2') }, ['80=192.168.1.9/tcp']);
      const forwarded = body([lan, ours], machine);
      const chain = forwarded.slice(forwarded.findIndex((line) => line.startsWith('chain filter-forward')));
      expect(chain[2]).to.equal('ct mark and 0xff000000 == 0x02000000 accept');
      expect(chain.filter((line) => line.endsWith(' accept'))).to.have.lengthOf(1);
    });
  });

  it('gives answers a way where main has no default route: one rule for each port, and one for a range', () => {
    const snapshot = snapshotOf({ eth0: ['192.168.1.2/24'] }, ['192.168.1.0/24 eth0']);
    const machine = facts({ snapshot, families: ['ipv4'], sources: new Map() });
    const relays = [
      tunnel(2, ['53=5353/tcp+udp', '443/tcp', '6000-6999/udp']),
      tunnel(3, ['5353/udp', '6500-7500/udp']),
    ];
    expect(answering(relays, machine)).to.deep.equal([
      'pref 32770 ipproto udp sport 5353 lookup 7702',
      'pref 32770 ipproto udp sport 6000-7500 lookup 7702',
      'pref 32770 ipproto udp sport 40404 lookup 7702',
    ]);
    expect(elements(relays, machine)).to.include('source-pin4 { 128.0.0.0-223.255.255.255 : 10.77.16.3 }');
    expect(answering(relays)).to.deep.equal([]);
  });

  it('does so in the family that lacks the route, and in no other', () => {
    const machine = facts({ sources: chosenSources(facts().snapshot, { ipv4: '192.168.1.2' }) });
    expect(answering([tunnel(1, ['53/udp'])], machine)).to.deep.equal([
      '-6 pref 32770 ipproto udp sport 53 lookup 7701',
      '-6 pref 32770 ipproto udp sport 40404 lookup 7701',
    ]);
    expect(elements([tunnel(1, [])], machine)).to.include.members([
      'source-pin4 { 1.0.0.0-126.255.255.255 : 192.168.1.2 }',
      'source-pin6 { 2000::/3 : fd77:16::2 }',
    ]);
  });

  it('follows a service to where it is bound, in each family for itself', () => {
    const relays = [tunnel(1, ['53/udp'])];
    const here = (...sockets: string[]) =>
      elements(relays, facts({ sockets })).filter((line) => / \. 53 [:}]/.test(line) && !line.startsWith('allowed'));
    expect(elements(relays)).to.include.members([
      'allowed4 { 10.77.16.2 . udp . 53 }',
      'allowed6 { fd77:16::2 . udp . 53 }',
    ]);
    const pinned6 = 'pinned6 { fd77:16::2 . 53 }';
    const pinned4 = 'pinned4 { 10.77.16.2 . 53 }';
    expect(here('udp 0.0.0.0:53')).to.deep.equal([pinned4, pinned6]);
    expect(here('udp 10.77.16.2:53')).to.deep.equal([pinned6]);
    expect(here('udp [fd77:16::2]:53')).to.deep.equal([pinned4]);
    expect(here('udp 192.168.1.2:53')).to.have.members([
      'redirected4 { 10.77.16.2 . udp . 53 : 192.168.1.2 . 53 }',
      pinned6,
    ]);
    expect(here('tcp 192.168.1.2:53', 'udp [::]:53', 'udp 0.0.0.0%eth0:53')).to.deep.equal([pinned4, pinned6]);
  });

  it('forwards packets only for hosts behind it, closed between foreign links, until it is torn down', () => {
    const FORWARDING = 'sysctl net/ipv4/ip_forward 1';
    const plain = [tunnel(1, ['80/tcp'])];
    const lan = [tunnel(1, ['80=192.168.1.99/tcp'])];
    const forwarding = {
      guarded: { ipv4: ['docker0', 'eth0'], ipv6: ['docker0', 'eth0'] },
      advertised: ['eth0'],
      switched: [],
    };
    const guarded = facts({ forwarding });
    expect(lines(plain, guarded)).to.not.include(FORWARDING);
    expect(lines(lan, guarded)).to.include(FORWARDING);
    expect(skeleton(plain, guarded)).to.equal(skeleton(plain));
    expect(skeleton(lan, guarded)).to.not.equal(skeleton(lan));
    const switched = facts({ forwarding: { ...forwarding, switched: ['ipv4'] } });
    expect(skeleton(plain, switched)).to.equal(skeleton(lan, guarded));
  });

  it('makes a router of the machine in the family of its hosts alone, advertised routes kept first', () => {
    const forwarding = {
      guarded: { ipv4: ['eth0', 'eth1'], ipv6: ['eth0', 'eth1'] },
      advertised: ['eth0'],
      switched: [],
    };
    const machine = facts({ forwarding });
    const sysctls = (spec: string) =>
      lines([tunnel(1, [spec])], machine).filter((line) => line.startsWith('sysctl ') && !line.includes('/hw1/'));
    const always = ['sysctl net/ipv4/conf/all/send_redirects 0'];
    expect(sysctls('80=192.168.1.99/tcp')).to.deep.equal([...always, 'sysctl net/ipv4/ip_forward 1']);
    expect(sysctls('80=[fd00:1::99]/tcp')).to.deep.equal([
      ...always,
      'sysctl net/ipv6/conf/eth0/accept_ra 2',
      'sysctl net/ipv6/conf/all/forwarding 1',
    ]);
    expect(sysctls('80/tcp')).to.deep.equal(always);
    const table = (spec: string) => skeleton([tunnel(1, [spec])], machine);
    expect(new Set([table('80/tcp'), table('80=192.168.1.99/tcp'), table('80=[fd00:1::99]/tcp')]).size).to.equal(3);
  });

  it('has the skeleton depend on the slots, not on forwards', () => {
    const one = tunnel(1, []);
    expect(skeleton([one])).to.equal(skeleton([tunnel(1, ['1-100/tcp', '53/udp'])]));
    expect(skeleton([one])).to.not.equal(skeleton([one, tunnel(2, [])]));
  });

  it('lets in everything but what is excepted, protocols without ports by the address', () => {
    const whole = elements([tunnel(1, ['all-except-22/tcp'])], facts({ sockets: ['udp *:5353'] }));
    expect(whole.filter((line) => /^(allowed|whole)/.test(line) && line.includes('10.77.16.2'))).to.have.members([
      'allowed4 { 10.77.16.2 . udp . 5353 }',
      'whole4 { 10.77.16.2 }',
      'allowed-ranges4 { 10.77.16.2 . tcp . 1-21 }',
      'allowed-ranges4 { 10.77.16.2 . tcp . 23-65535 }',
      'allowed-ranges4 { 10.77.16.2 . udp . 1-5352 }',
      'allowed-ranges4 { 10.77.16.2 . udp . 5354-65535 }',
    ]);
  });

  it('holds a wide range in a few elements', () => {
    const wide = elements(
      [tunnel(1, ['1024-65535/tcp+udp'])],
      facts({ sockets: ['tcp *:8080', 'udp 192.168.1.2:5353'] }),
    );
    expect(wide.filter((line) => line.startsWith('allowed-ranges4'))).to.deep.equal([
      'allowed-ranges4 { 10.77.16.2 . tcp . 1024-8079 }',
      'allowed-ranges4 { 10.77.16.2 . tcp . 8081-65535 }',
      'allowed-ranges4 { 10.77.16.2 . udp . 1024-5352 }',
      'allowed-ranges4 { 10.77.16.2 . udp . 5354-65535 }',
    ]);
    expect(wide.filter((line) => line.startsWith('allowed4'))).to.deep.equal([
      'allowed4 { 10.77.16.2 . tcp . 8080 }',
      'allowed4 { 10.77.16.2 . udp . 5353 }',
    ]);
    expect(wide.length).to.be.below(50);
  });
});
