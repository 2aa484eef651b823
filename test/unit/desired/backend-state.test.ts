/** What should be in a backend's kernel for its relays. */

import { type BackendFacts, backendState, type RelayTunnel } from '@homeward/agent/desired/backend-state';
import { textOf } from '@homeward/shared/state/describe';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { snapshotOf } from '../kernel/snapshots.js';
import { facts, tunnel } from './backend-states.js';

function lines(relays: readonly RelayTunnel[], machine: BackendFacts = facts()): string[] {
  return [...backendState(relays, machine)].map(([key, resource]) =>
    `${key} ${textOf(resource).replace(/skeleton .*/, 'skeleton')}`.trimEnd(),
  );
}
const rules = (relays: readonly RelayTunnel[], machine?: BackendFacts) =>
  lines(relays, machine).flatMap((line) => (line.startsWith('rule pref ') ? [line.slice('rule pref '.length)] : []));
const elements = (relays: readonly RelayTunnel[], machine?: BackendFacts) =>
  lines(relays, machine).flatMap((line) =>
    line.startsWith('element ') ? [line.replace('element homeward_backend ', '')] : [],
  );
const skeleton = (relays: readonly RelayTunnel[], machine?: BackendFacts) => {
  const table = backendState(relays, machine ?? facts()).get('table inet homeward_backend');
  return table === undefined ? '' : textOf(table);
};

describe('desired/backend-state', () => {
  it('is nothing without a relay', () => {
    expect(lines([])).to.deep.equal([]);
  });

  it('is, for one relay with a forward over TCP and one over UDP, this', () => {
    expect(lines([tunnel(1, '10.77.16.2', ['443/tcp', '53/udp'])])).to.deep.equal([
      'link hw1 wireguard mtu 1420 up',
      `wireguard hw1 key PUBLIC-1; peer ${'A'.repeat(43)}= allowed 0.0.0.0/0,::/0 endpoint 198.51.100.1:51820 keepalive 25`,
      'address 10.77.16.2/32 dev hw1',
      'route default table 7701 dev hw1',
      'rule pref 4001 iif hw1 goto 5100',
      'rule pref 4301 fwmark 0x1000000/0xff000000 lookup 7701',
      'rule pref 4561 from 10.77.16.2 lookup main suppress_prefixlength 0',
      'rule pref 4821 from 10.77.16.2 lookup 7701',
      'sysctl net/ipv4/conf/hw1/rp_filter 2',
      'sysctl net/ipv4/conf/hw1/src_valid_mark 1',
      'rule pref 5100 nop',
      'table inet homeward_backend skeleton',
      'element homeward_backend tunnels { hw1 }',
      'element homeward_backend impossible-sources { 0.0.0.0/8 }',
      'element homeward_backend impossible-sources { 127.0.0.0/8 }',
      'element homeward_backend impossible-sources { 192.168.1.0/24 }',
      'element homeward_backend impossible-sources { 224.0.0.0/3 }',
      'element homeward_backend source-pin4 { 0.0.0.0/0 } 192.168.1.2',
      'element homeward_backend echo4 { hw1 . 10.77.16.2 . tcp . 40404 }',
      'element homeward_backend echo4 { hw1 . 10.77.16.2 . udp . 40404 }',
      'element homeward_backend pinned4 { hw1 . 10.77.16.2 . 40404 }',
      'element homeward_backend allowed4 { hw1 . 10.77.16.2 . tcp . 443 }',
      'element homeward_backend allowed4 { hw1 . 10.77.16.2 . udp . 53 }',
      'element homeward_backend pinned4 { hw1 . 10.77.16.2 . 53 }',
    ]);
  });

  it('puts the rules of two relays in blocks by kind, not by relay', () => {
    const two = [tunnel(1, '10.77.16.2', []), tunnel(3, '10.99.0.2', [])];
    expect(rules(two).sort()).to.deep.equal([
      '4001 iif hw1 goto 5100',
      '4003 iif hw3 goto 5100',
      '4301 fwmark 0x1000000/0xff000000 lookup 7701',
      '4303 fwmark 0x3000000/0xff000000 lookup 7703',
      '4561 from 10.77.16.2 lookup main suppress_prefixlength 0',
      '4563 from 10.99.0.2 lookup main suppress_prefixlength 0',
      '4821 from 10.77.16.2 lookup 7701',
      '4823 from 10.99.0.2 lookup 7703',
      '5100 nop',
    ]);
  });

  it('gives answers a way where main has no default route, one rule a port', () => {
    const machine = facts({ snapshot: snapshotOf({ eth0: ['192.168.1.2/24'] }, ['192.168.1.0/24 eth0']) });
    const relays = [tunnel(2, '10.77.16.2', ['53=5353/tcp+udp', '443/tcp']), tunnel(3, '10.99.0.2', ['5353/udp'])];
    expect(rules(relays, machine).filter((rule) => rule.startsWith('327'))).to.deep.equal([
      '32770 ipproto udp sport 5353 lookup 7702',
      '32770 ipproto udp sport 40404 lookup 7702',
    ]);
    expect(elements(relays, machine)).to.include('source-pin4 { 192.168.2.0-255.255.255.255 } 10.77.16.2');
    expect(rules(relays).filter((rule) => rule.startsWith('327'))).to.deep.equal([]);
  });

  it('follows a service to where it is bound', () => {
    const relays = [tunnel(1, '10.77.16.2', ['53/udp'])];
    const here = (...sockets: string[]) => elements(relays, facts({ sockets })).filter((line) => / \. 53 }/.test(line));
    const allowed = 'allowed4 { hw1 . 10.77.16.2 . udp . 53 }';
    expect(here('udp 0.0.0.0:53')).to.deep.equal([allowed, 'pinned4 { hw1 . 10.77.16.2 . 53 }']);
    expect(here('udp 10.77.16.2:53')).to.deep.equal([allowed]);
    expect(here('udp 192.168.1.2:53')).to.deep.equal([
      allowed,
      'redirected4 { hw1 . 10.77.16.2 . udp . 53 } 192.168.1.2 . 53',
    ]);
    expect(here('tcp 192.168.1.2:53', 'udp [::]:53', 'udp 0.0.0.0%eth0:53')).to.deep.equal([
      allowed,
      'pinned4 { hw1 . 10.77.16.2 . 53 }',
    ]);
  });

  it('forwards packets only for hosts behind it, closed between foreign links, until it is torn down', () => {
    const FORWARDING = 'sysctl net/ipv4/ip_forward 1';
    const plain = [tunnel(1, '10.77.16.2', ['80/tcp'])];
    const lan = [tunnel(1, '10.77.16.2', ['80=192.168.1.99/tcp'])];
    const guarded = facts({ guardedLinks: ['docker0', 'eth0'] });
    expect(lines(plain, guarded)).to.not.include(FORWARDING);
    expect(lines(lan, guarded)).to.include(FORWARDING);
    expect(skeleton(plain, guarded)).to.equal(skeleton(plain));
    expect(skeleton(lan, guarded)).to.not.equal(skeleton(lan));
    expect(skeleton(plain, { ...guarded, hasSwitchedForwarding: true })).to.equal(skeleton(lan, guarded));
  });

  it('has the skeleton depend on the slots, not on forwards', () => {
    const one = tunnel(1, '10.77.16.2', []);
    expect(skeleton([one])).to.equal(skeleton([tunnel(1, '10.77.16.2', ['1-100/tcp'])]));
    expect(skeleton([one])).to.not.equal(skeleton([one, tunnel(2, '10.99.0.2', [])]));
  });
});
