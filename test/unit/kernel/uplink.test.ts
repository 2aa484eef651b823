/** Which link and address lead to the internet. */

import { deviceFacts, findUplink, globalAddresses, isBehind } from '@homeward/shared/kernel/uplink';
import { type Family, parseIp } from '@homeward/shared/net/address';
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

  describe('of a device that somebody else made', () => {
    const links = {
      ...{ lo: ['127.0.0.1/8', '::1/128'], eth0: ['198.51.100.1/24', '2001:db8::1/64'] },
      tun0: ['fe80::1/64', '10.8.0.1/24', '10.9.0.1/24', 'fd00:8::1/64'],
    };
    const routes = ['default eth0', 'default6 eth0', '10.8.0.0/24 tun0', '10.64.0.0/10 tun0', '10.64.5.0/24 eth0'];
    const machine = snapshotOf(links, [...routes, 'fd00:8::/64 tun0', '198.51.100.0/24 eth0']);
    const tun = machine.links.find(({ name }) => name === 'tun0');
    const behind = (address: string, snapshot = machine) => isBehind(snapshot, 'tun0', parseIp(address));

    it('tells the first address of each family that others can reach, and the MTU', () => {
      if (tun === undefined) throw new Error('there is no device');
      expect(deviceFacts(tun)).to.deep.equal({ ipv4: '10.8.0.1', ipv6: 'fd00:8::1', mtu: 1500 });
      expect(deviceFacts({ ...tun, addresses: [] })).to.deep.equal({ ipv4: null, ipv6: null, mtu: 1500 });
    });

    it('knows who is behind it: by its own networks and by routes, the narrowest of them', () => {
      for (const address of ['10.8.0.2', '10.64.1.1', '10.127.255.254', 'fd00:8::2']) {
        expect(behind(address), address).to.equal(true);
      }
      for (const address of ['10.64.5.1', '198.51.100.7', '203.0.113.9', 'fd00:9::2', '10.10.0.1']) {
        expect(behind(address), address).to.equal(false);
      }
    });

    it('lets nobody claim an address of this machine', () => {
      for (const address of ['10.8.0.1', '10.9.0.1', 'fd00:8::1', '198.51.100.1', '127.0.0.1', '::1']) {
        expect(behind(address), address).to.equal(false);
      }
    });

    it('puts nobody behind a default route, nor behind the pieces a VPN makes of one', () => {
      const everything = ['default tun0', '0.0.0.0/1 tun0', '128.0.0.0/1 tun0', 'default6 tun0', '2000::/3 tun0'];
      const vpn = snapshotOf(links, [...everything, 'fc00::/7 tun0', '10.8.0.0/24 tun0']);
      for (const address of ['203.0.113.9', '8.8.8.8', '192.168.1.1', '2001:db8:7::9', 'fd00:9::2']) {
        expect(behind(address, vpn), address).to.equal(false);
      }
      expect(behind('10.8.0.2', vpn)).to.equal(true);
    });

    it("does not go by other tables' routes, nor by those that lead nowhere", () => {
      const [route] = machine.routes.filter(({ destination }) => destination === '10.8.0.0/24');
      if (route === undefined) throw new Error('there is no route');
      for (const other of [
        { ...route, table: '51820' },
        { ...route, type: 'unreachable' },
        { ...route, link: null },
      ]) {
        expect(behind('10.8.0.2', { ...machine, routes: [other] }), JSON.stringify(other)).to.equal(false);
      }
    });
  });

  it('has no address that others cannot reach', () => {
    const [eth0] = snapshotOf({ eth0: ['fe80::1/64', '2001:db8::9/64', '198.51.100.1/24', 'fd00::2/64'] }, []).links;
    if (eth0 === undefined) throw new Error('there is no link');
    expect(globalAddresses(eth0, 'ipv6')).to.deep.equal(['2001:db8::9', 'fd00::2']);
    expect(globalAddresses(eth0, 'ipv4')).to.deep.equal(['198.51.100.1']);
  });
});
