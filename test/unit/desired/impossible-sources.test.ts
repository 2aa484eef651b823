/** Sources that no client of a forward can have: what comes out of a tunnel with one is forged. */

import { impossibleSources } from '@homeward/agent/desired/impossible-sources';
import type { Snapshot } from '@homeward/shared/kernel/snapshot';
import { type Family, ipToNumber, parseIp } from '@homeward/shared/net/address';
import { isSlotLink, PROBE } from '@homeward/shared/net/allocation';
import { intervalText } from '@homeward/shared/net/intervals';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { recordedSnapshot, snapshotOf } from '../kernel/snapshots.js';

const texts = (snapshot: Snapshot, family: Family, own: readonly string[] = []) =>
  impossibleSources(snapshot, family, isSlotLink, own.map(parseIp)).map(intervalText);

describe('desired/impossible-sources', () => {
  it('are loopback, connected networks and multicast, but not the networks of a tunnel', () => {
    expect(texts(recordedSnapshot(), 'ipv4')).to.deep.equal([
      '0.0.0.0/8',
      '127.0.0.0/8',
      '172.17.0.0/16',
      '192.168.1.0/24',
      '203.0.113.0/24',
      '224.0.0.0/3',
    ]);
    expect(texts(recordedSnapshot(), 'ipv6')).to.deep.equal([
      '::/80',
      '2001:db8:1::/64',
      'fd00:1::/64',
      'fe80::/10',
      'ff00::/8',
    ]);
  });

  it('are the reserved ones on a machine without addresses', () => {
    expect(texts(snapshotOf({}, []), 'ipv4')).to.deep.equal(['0.0.0.0/8', '127.0.0.0/8', '224.0.0.0/3']);
    expect(texts(snapshotOf({}, []), 'ipv6')).to.deep.equal(['::/80', 'fe80::/10', 'ff00::/8']);
  });

  it('are the addresses of tunnels, without their networks', () => {
    expect(texts(snapshotOf({}, []), 'ipv4', ['10.77.16.2'])).to.include('10.77.16.2');
    expect(texts(snapshotOf({}, []), 'ipv6', ['fd00:77::2'])).to.include('fd00:77::2');
  });

  it('are hosts alone where an address has no network, and join where networks meet', () => {
    const machine = snapshotOf(
      { eth0: ['10.128.0.5/32', '2001:db8::5/128'], eth1: ['fd00::1/64', 'fd00:0:0:1::1/64'] },
      [],
    );
    expect(texts(machine, 'ipv4')).to.include('10.128.0.5');
    expect(texts(machine, 'ipv6')).to.include.members(['2001:db8::5', 'fd00::/63']);
  });

  it('are not everything, where an address claims so', () => {
    expect(texts(snapshotOf({ tun0: ['10.8.0.2/0', 'fd00::1/0'] }, []), 'ipv4')).to.not.include('0.0.0.0/0');
    expect(texts(snapshotOf({ tun0: ['10.8.0.2/0', 'fd00::1/0'] }, []), 'ipv6')).to.not.include('::/0');
  });

  it('hold mapped and loopback addresses, and no probe', () => {
    const holds = (family: Family, address: string) => {
      const value = ipToNumber(parseIp(address));
      return impossibleSources(recordedSnapshot(), family, isSlotLink, []).some(
        ({ first, last }) => first <= value && value <= last,
      );
    };
    for (const address of ['::', '::1', '::ffff:127.0.0.1', '::ffff:8.8.8.8', 'fe80::1', 'ff02::1']) {
      expect(holds('ipv6', address), address).to.equal(true);
    }
    for (const address of ['0.0.0.0', '127.0.0.1', '255.255.255.255', '192.168.1.2']) {
      expect(holds('ipv4', address), address).to.equal(true);
    }
    expect(holds('ipv4', PROBE.ipv4.client)).to.equal(false);
    expect(holds('ipv6', PROBE.ipv6.client)).to.equal(false);
  });
});
