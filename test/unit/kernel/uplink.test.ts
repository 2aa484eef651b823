/** Which link and address lead to the internet. */

import { findUplink } from '@homeward/shared/kernel/uplink';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { recordedSnapshot, snapshotOf } from './snapshots.js';

const isOurLink = (name: string) => name.startsWith('hw');
const found = (snapshot: Parameters<typeof findUplink>[0]) => {
  const uplink = findUplink(snapshot, isOurLink);
  return uplink === null ? null : `${uplink.link.name} ${uplink.address}`;
};

describe('kernel/uplink', () => {
  it('is the link of the default route', () => {
    expect(found(recordedSnapshot())).to.equal('eth0 203.0.113.9');
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
    expect(found(snapshotOf({ lo: ['127.0.0.1/8'] }, []))).to.equal(null);
  });
});
