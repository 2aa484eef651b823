/** What is said of forwards that could not be probed: red, with the reason, and never a green nobody measured. */

import { unprobedForwards, withoutEntrance } from '@homeward/controller/probe/without-probe';
import { parseIp } from '@homeward/shared/net/address';
import { parseForward } from '@homeward/shared/net/forward-spec';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { paired } from '../store/relay-states.js';

const home = paired('home', 1, []);
const withoutIpv6 = { ...home, applied: home.applied === null ? null : { ...home.applied, ipv6: false } };
const FAULT = { cause: 'offline', hint: 'backend "home" is not connected' };
const OWN = ['198.51.100.1', '2001:db8::1'].map(parseIp);
const without = (spec: string, pairing = home) => withoutEntrance(pairing, parseForward(spec), OWN);

describe('probe/without-probe', () => {
  it('says that the backend has no IPv6 where that is the reason', () => {
    expect(without('[2001:db8::1]:443/tcp', withoutIpv6)).to.deep.equal({
      backend: 'home',
      forward: '[2001:db8::1]:443/tcp',
      proto: 'tcp',
      port: 443,
      family: 'ipv6',
      client: '',
      seen: null,
      arrivedOn: null,
      leftOn: null,
      replied: false,
      service: 'silent',
      rttMs: null,
      ok: false,
      cause: 'no-entrance',
      hint: 'backend "home" has IPv6 switched off',
      droppedBy: null,
      remedy: null,
    });
    expect(without('80=[fd00::9]/udp', withoutIpv6)).to.include({
      proto: 'udp',
      hint: 'backend "home" has IPv6 switched off',
    });
    expect(without('443/tcp', { ...home, applied: null }).hint).to.equal('backend "home" has IPv6 switched off');
  });

  it('says that the relay has no address of the family', () => {
    expect(without('[2001:db8::1]:443/tcp')).to.include({
      family: 'ipv6',
      hint: 'this relay has no IPv6 address that clients could come in by',
    });
    expect(without('80=192.168.1.9/tcp', withoutIpv6)).to.include({
      family: 'ipv4',
      hint: 'this relay has no IPv4 address that clients could come in by',
    });
    expect(without('443/tcp').hint).to.equal('this relay has no IPv4 or IPv6 address that clients could come in by');
  });

  it('is red for each forward of a backend that is away, with its reason', () => {
    const forwards = ['443/tcp', '53/tcp+udp', '5000-5999/udp', '[2001:db8::1]:80/tcp'].map(parseForward);
    const results = unprobedForwards(home, forwards, FAULT);
    expect(results.map(({ forward, proto, port, family }) => `${forward} ${proto} ${port} ${family}`)).to.deep.equal([
      '443/tcp tcp 443 ipv4',
      '53/tcp+udp tcp 53 ipv4',
      '5000-5999/udp udp 5000 ipv4',
      '[2001:db8::1]:80/tcp tcp 80 ipv6',
    ]);
    for (const result of results) expect(result).to.include({ ok: false, ...FAULT });
  });

  it('is red for the echo of a backend without forwards', () => {
    const results = unprobedForwards(home, [], FAULT);
    expect(results.map(({ forward, port, ok }) => `${forward} ${port} ${ok}`)).to.deep.equal([
      'echo/tcp 10001 false',
      'echo/udp 10001 false',
    ]);
  });
});
