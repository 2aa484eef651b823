/** Which link and address lead to the internet. */

import { findUplink, globalAddresses } from '@homeward/shared/kernel/uplink';
import type { Family } from '@homeward/shared/net/address';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { recordedSnapshot, snapshotOf } from './snapshots.js';

const isOurLink = (name: string) => name.startsWith('hw');
const found = (snapshot: Parameters<typeof findUplink>[0], family: Family = 'ipv4') => {
  const uplink = findUplink(snapshot, family, isOurLink);
  return uplink === null ? null : `${uplink.link.name} ${uplink.address}`;
};

describe('kernel/uplink', () => {
  it('is the link of the default route', () => {
    expect(found(recordedSnapshot())).to.equal('eth0 203.0.113.9');
    expect(found(recordedSnapshot(), 'ipv6')).to.equal('eth0 2001:db8:1::9');
  });

  it('is the default route of the least metric', () => {
    const links = { wlan0: ['192.168.7.2/24'], eth0: ['192.168.1.2/24'] };
    expect(found(snapshotOf(links, ['default wlan0 600', 'default eth0 100']))).to.equal('eth0 192.168.1.2');
  });

  it('is without a default route the first link with a global address that is not ours', () => {
    const links = { lo: ['127.0.0.1/8'], hw0: ['10.77.16.1/20'], eth1: [], eth0: ['198.51.100.1/24'] };
    expect(found(snapshotOf(links, []))).to.equal('eth0 198.51.100.1');
  });

  it("does not take another table's default route", () => {
    const snapshot = snapshotOf({ tun0: ['10.8.0.2/24'], eth0: ['198.51.100.1/24'] }, ['default eth0']);
    const other = { ...snapshot.routes[0], link: 'tun0', table: '51820', metric: -1 };
    expect(found({ ...snapshot, routes: [other as (typeof snapshot.routes)[number], ...snapshot.routes] })).to.equal(
      'eth0 198.51.100.1',
    );
  });

  it('falls back when the default route has a link without address', () => {
    const links = { ppp0: [], eth0: ['198.51.100.1/24'] };
    expect(found(snapshotOf(links, ['default ppp0']))).to.equal('eth0 198.51.100.1');
  });

  it('is none on a machine with loopback only', () => {
    const alone = snapshotOf({ lo: ['127.0.0.1/8', '::1/128'] }, []);
    expect([found(alone), found(alone, 'ipv6')]).to.deep.equal([null, null]);
  });

  it('is for each family another one, where their default routes are', () => {
    const links = { eth0: ['198.51.100.1/24'], he0: ['2001:db8:5::2/64'] };
    const snapshot = snapshotOf(links, ['default eth0', 'default6 he0']);
    expect([found(snapshot), found(snapshot, 'ipv6')]).to.deep.equal(['eth0 198.51.100.1', 'he0 2001:db8:5::2']);
    expect(found(snapshotOf({ eth0: ['198.51.100.1/24', 'fe80::1/64'] }, ['default eth0']), 'ipv6')).to.equal(null);
  });

  it('has no address that others cannot reach', () => {
    const [eth0] = snapshotOf({ eth0: ['fe80::1/64', '2001:db8::9/64', '198.51.100.1/24', 'fd00::2/64'] }, []).links;
    if (eth0 === undefined) throw new Error('there is no link');
    expect(globalAddresses(eth0, 'ipv6')).to.deep.equal(['2001:db8::9', 'fd00::2']);
    expect(globalAddresses(eth0, 'ipv4')).to.deep.equal(['198.51.100.1']);
  });
});
