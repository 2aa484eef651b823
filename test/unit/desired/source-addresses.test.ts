/** The source address the kernel would choose, and the sources no client can have. */

import { impossibleSources, sourceAddresses } from '@homeward/agent/desired/source-addresses';
import { intervalText } from '@homeward/shared/net/intervals';
import { parseIpv4 } from '@homeward/shared/net/ipv4';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { recordedSnapshot, snapshotOf } from '../kernel/snapshots.js';

const isOurLink = (name: string) => name.startsWith('hw');
const TUNNEL = parseIpv4('10.77.16.2');

function chosen(snapshot: Parameters<typeof sourceAddresses>[0]): string[] {
  const { intervals, hasDefault } = sourceAddresses(snapshot, isOurLink, TUNNEL);
  return [`default: ${hasDefault}`, ...intervals.map((piece) => `${intervalText(piece)} ${piece.value}`)];
}

describe('desired/source-addresses', () => {
  it('follows the recorded main table, every address covered', () => {
    expect(chosen(recordedSnapshot())).to.deep.equal([
      'default: true',
      '0.0.0.0-10.8.255.255 203.0.113.9',
      '10.9.0.0/16 192.168.1.2',
      '10.10.0.0-172.16.255.255 203.0.113.9',
      '172.17.0.0/16 172.17.0.1',
      '172.18.0.0-192.168.0.255 203.0.113.9',
      '192.168.1.0/24 192.168.1.2',
      '192.168.2.0-255.255.255.255 203.0.113.9',
    ]);
  });

  it('takes the default route of the least metric', () => {
    const links = { wlan0: ['192.168.7.2/24'], eth0: ['192.168.1.2/24'] };
    expect(chosen(snapshotOf(links, ['default wlan0 600', 'default eth0 100']))).to.deep.equal([
      'default: true',
      '0.0.0.0/0 192.168.1.2',
    ]);
  });

  it("takes a VPN's two halves over the default route", () => {
    const links = { eth0: ['192.168.1.2/24'], tun0: ['10.8.0.2/24'] };
    const routes = ['default eth0', '0.0.0.0/1 tun0', '128.0.0.0/1 tun0', '192.168.1.0/24 eth0'];
    expect(chosen(snapshotOf(links, routes))).to.deep.equal([
      'default: true',
      '0.0.0.0-192.168.0.255 10.8.0.2',
      '192.168.1.0/24 192.168.1.2',
      '192.168.2.0-255.255.255.255 10.8.0.2',
    ]);
  });

  it('falls back to the tunnel address where there is no default route, but not to our own links', () => {
    const links = { eth0: ['192.168.1.2/24'], hw1: ['10.77.16.2/32'] };
    expect(chosen(snapshotOf(links, ['192.168.1.0/24 eth0', 'default hw1']))).to.deep.equal([
      'default: false',
      '0.0.0.0-192.168.0.255 10.77.16.2',
      '192.168.1.0/24 192.168.1.2',
      '192.168.2.0-255.255.255.255 10.77.16.2',
    ]);
  });

  it('knows no default where its link has no address to answer from', () => {
    const links = { ppp0: [], eth0: ['192.168.1.2/24'] };
    expect(chosen(snapshotOf(links, ['default ppp0', '192.168.1.0/24 eth0']))[0]).to.equal('default: false');
  });

  it('takes loopback, connected networks and multicast for no clients, but not those of the tunnel', () => {
    const texts = impossibleSources(recordedSnapshot(), isOurLink).map(intervalText);
    expect(texts).to.deep.equal([
      '0.0.0.0/8',
      '127.0.0.0/8',
      '172.17.0.0/16',
      '192.168.1.0/24',
      '203.0.113.0/24',
      '224.0.0.0/3',
    ]);
  });
});
