/** What `nft monitor trace` printed (nft 1.0.6, iptables 1.8.9 nf_tables), and what it says of probes. */

import { hearsTraces } from '@homeward/shared/kernel/trace-listener';
import { dropsIn } from '@homeward/shared/kernel/trace-parse';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { recorded } from './recorded.js';

const drops = (...clientPorts: number[]) =>
  dropsIn(recorded('nft-monitor-trace.txt').split('\n'), new Set(clientPorts));

describe('kernel/trace-parse', () => {
  it('names the policy that drops, in a table of iptables', () => {
    expect(drops(36386)).to.deep.equal([
      { clientPort: 36386, direction: 'request', table: 'ip filter', chain: 'FORWARD', rule: null },
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
