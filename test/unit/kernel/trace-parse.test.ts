/** What `nft monitor trace` printed (nft 1.0.6, iptables 1.8.9 nf_tables), and what it says of probes. */

import { hearsTraces } from '@homeward/shared/kernel/trace-listener';
import { dropsIn, isProxying } from '@homeward/shared/kernel/trace-parse';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { recorded } from './recorded.js';

const drops = (...clientPorts: number[]) =>
  dropsIn(recorded('nft-monitor-trace.txt').split('\n'), new Set(clientPorts));

describe('kernel/trace-parse', () => {
  it('names the policy that drops, in a table of iptables', () => {
    expect(drops(36386)).to.deep.equal([
      {
        ...{ clientPort: 36386, direction: 'request', table: 'ip filter', chain: 'FORWARD', rule: null },
        ...{ handle: null, unsaid: null },
      },
    ]);
  });

  it('names the rule that drops, without its counter', () => {
    expect(drops(57054, 36220).map(({ chain, rule }) => `${chain}: ${rule}`)).to.deep.equal([
      'INPUT: tcp dport 22 drop',
      'i: tcp dport 23 drop comment "no telnet"',
    ]);
  });

  it('tells a reply from a request, in both families', () => {
    expect(
      drops(40001, 40002).map(({ clientPort, direction, table }) => `${clientPort} ${direction} ${table}`),
    ).to.deep.equal(['40001 reply inet guard', '40002 request ip6 filter']);
  });

  it('passes over packets of others, and over what is let through', () => {
    expect(drops(8080, 40003)).to.deep.equal([]);
  });
});

describe('kernel/trace-parse of a transparent proxy', () => {
  const found = (...clientPorts: number[]) =>
    dropsIn(recorded('nft-monitor-trace-tproxy.txt').split('\n'), new Set(clientPorts)).map(
      ({ chain, rule, handle, unsaid }) => [chain, handle, rule, unsaid],
    );

  it('names the rule that takes a reply, whether it ends its chain or not', () => {
    expect(found(36002, 36003)).to.deep.equal([
      ['prerouting', 2, 'tcp dport 36002 tproxy to :7893 meta mark set 0x0000029a', null],
      ['prerouting', 3, 'tcp dport 36003 tproxy to :7893 accept', null],
    ]);
  });

  it('gives the handle of rules whose verdict is not among their words', () => {
    expect(found(36001, 36004)).to.deep.equal([
      ['clash', 2, 'tcp dport 36001 xt target TPROXY', 'accept'],
      ['clash', 3, 'udp dport 36004 xt target TPROXY', 'drop'],
    ]);
  });

  it('passes over what is accepted with words about a proxy', () => {
    expect(found(36005)).to.deep.equal([]);
    expect(isProxying('-A c -m comment --comment "no tproxy" -j ACCEPT')).to.equal(false);
    expect(isProxying('-A c -m comment --comment tproxy -j TPROXY --on-port 1')).to.equal(true);
  });

  it('is none where a client calls: that may be meant for a proxy of this machine', () => {
    const lines = [
      'trace id 1 ip m P packet: iif "hw1" ip saddr 192.0.2.2 ip daddr 10.64.0.2 tcp sport 36001 tcp dport 80 ',
      'trace id 1 ip m P rule tcp dport 80 tproxy to :7893 accept # handle 2 (verdict accept)',
    ];
    expect(dropsIn(lines, new Set([36001]))).to.deep.equal([]);
  });
});

describe('kernel/trace-listener', () => {
  const listing = `sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode
0000000000000000 12  4711       00000100 0        0        0     2        0        1
0000000000000000 12  4712       00000040 0        0        0     2        0        2
0000000000000000 0   4713       00000100 0        0        0     2        0        3
`;
  it('knows a process that hears traces from one that hears something else', () => {
    expect([4711, 4712, 4713, 471].map((pid) => hearsTraces(listing, pid))).to.deep.equal([true, false, false, false]);
  });
});
