/** Which clients the kernel is asked about for its choice of a source address, and what is made of its answers. */

import { sourceAddresses, sourceQuestions } from '@homeward/agent/desired/source-addresses';
import type { Snapshot } from '@homeward/shared/kernel/snapshot';
import { type Family, familyOf, type IpAddress, ipToNumber, parseIp } from '@homeward/shared/net/address';
import { intervalText } from '@homeward/shared/net/intervals';
import { parsePrefix, prefixContains, prefixInterval } from '@homeward/shared/net/prefix';
import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { recordedSnapshot, snapshotOf } from '../kernel/snapshots.js';
import { anyAddress, anyFamily, anyPrefix } from '../net/generators.js';

const isOurLink = (name: string) => name.startsWith('hw');
const TUNNEL: Readonly<Record<Family, IpAddress>> = { ipv4: parseIp('10.77.16.2'), ipv6: parseIp('fd77:16::2') };

const asked = (snapshot: Snapshot, family: Family) =>
  sourceQuestions(snapshot, family, isOurLink).map(({ interval }) => intervalText(interval));

/** What is made of a kernel that has these routes, each with the source it gives; longest prefix first. */
function chosen(snapshot: Snapshot, routes: Readonly<Record<string, string>>, family: Family = 'ipv4'): string[] {
  const table = Object.entries(routes)
    .map(([prefix, source]) => ({ prefix: parsePrefix(prefix), source: parseIp(source) }))
    .sort((a, b) => b.prefix.length - a.prefix.length);
  const questions = sourceQuestions(snapshot, family, isOurLink);
  const answers = new Map(
    questions.flatMap(({ destination }) => {
      const route = table.find(({ prefix }) => prefixContains(prefix, destination));
      return route === undefined ? [] : [[destination, route.source] as const];
    }),
  );
  const { intervals, lacksRoute } = sourceAddresses(questions, answers, TUNNEL[family]);
  return [`lacks a route: ${lacksRoute}`, ...intervals.map((piece) => `${intervalText(piece)} ${piece.value}`)];
}

describe('desired/source-addresses', () => {
  describe('questions', () => {
    it('are for a machine with a default route alone one for each space of clients', () => {
      const machine = snapshotOf({ eth0: ['203.0.113.9/24'] }, ['default eth0', 'default6 eth0']);
      expect(asked(machine, 'ipv4')).to.deep.equal(['1.0.0.0-126.255.255.255', '128.0.0.0-223.255.255.255']);
      expect(asked(machine, 'ipv6')).to.deep.equal([
        '2000::/16',
        // Teredo and 6to4 bear labels of their own (RFC 6724, 2.1).
        '2001::/32',
        '2001:1::-2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
        '2002::/16',
        '2003::-3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
        'fc00::/7',
      ]);
    });

    it('are cut by every route of every table, but not by those of our own tunnels or of this machine itself', () => {
      const cuts = asked(recordedSnapshot(), 'ipv4');
      expect(cuts).to.include.members([
        '192.168.1.0/24',
        '10.9.0.0/16',
        '198.18.0.0/24',
        '172.17.0.0/16',
        '10.8.0.0/24',
      ]);
      expect(cuts.filter((text) => text.startsWith('10.77.16'))).to.deep.equal([]);
      const cuts6 = asked(recordedSnapshot(), 'ipv6');
      expect(cuts6).to.include.members([
        '2001:db8:9::/48',
        '2001:db8:1::/64',
        'fd00:1::/64',
        '3fff:1::/32',
        '2001:db8:77::/48',
      ]);
      expect(cuts6.filter((text) => text.startsWith('fd77:16::2') || text.startsWith('fe80'))).to.deep.equal([]);
    });

    it("ask both halves of a VPN's default route", () => {
      const routes = ['default eth0', '0.0.0.0/1 tun0', '128.0.0.0/1 tun0', '192.168.1.0/24 eth0'];
      expect(asked(snapshotOf({ eth0: ['192.168.1.2/24'], tun0: ['10.8.0.2/24'] }, routes), 'ipv4')).to.deep.equal([
        '1.0.0.0-126.255.255.255',
        '128.0.0.0-192.168.0.255',
        '192.168.1.0/24',
        '192.168.2.0-223.255.255.255',
      ]);
    });

    it('are cut around each of several IPv6 addresses, where one is nearer to the client than another', () => {
      const two = snapshotOf({ eth0: ['2001:db8:1::9/64', '2001:db8:2::9/64'] }, ['default6 eth0']);
      // The two part at bit 46: 2001:db8:1 and 2001:db8:2 differ in the group's last two bits.
      expect(asked(two, 'ipv6')).to.include.members(['2001:db8::/47', '2001:db8:2::/47']);
      const mixed = snapshotOf({ eth0: ['2001:db8:1::9/64', 'fd00:1::2/64'] }, ['default6 eth0']);
      expect(asked(mixed, 'ipv6')).to.include.members(['fc00::/7']);
      const one = snapshotOf({ eth0: ['2001:db8:1::9/64'], hw1: ['fd77:16::2/128'] }, ['default6 eth0']);
      expect(asked(one, 'ipv6')).to.deep.equal(asked(snapshotOf({ eth0: [] }, ['default6 eth0']), 'ipv6'));
    });

    it('are none for routes to where no clients are', () => {
      const machine = snapshotOf({ eth0: ['203.0.113.9/24'] }, [
        'default eth0',
        '224.0.0.0/4 eth0',
        '127.9.0.0/16 eth0',
      ]);
      expect(asked(machine, 'ipv4')).to.deep.equal(['1.0.0.0-126.255.255.255', '128.0.0.0-223.255.255.255']);
    });

    it('are as many for a full routing table as a machine can ask', () => {
      const routes = Array.from({ length: 2_000 }, (_, index) => `10.${index >> 8}.${index & 255}.0/24 eth0`);
      expect(asked(snapshotOf({ eth0: ['192.168.1.2/24'] }, ['default eth0', ...routes]), 'ipv4').length).to.be.below(
        1_100,
      );
    });

    it('cover all clients once, each by an address of theirs, and no boundary of a route lies inside', () => {
      const anyMachine = anyFamily.chain((family) =>
        fc.record({
          family: fc.constant(family),
          routes: fc.array(
            anyPrefix[family].filter(({ length }) => length > 0),
            { maxLength: 8 },
          ),
          own: fc.uniqueArray(anyAddress[family], { maxLength: 3 }),
          clients: fc.array(anyAddress[family], { maxLength: 20 }),
        }),
      );
      const spaces = ['0.0.0.0/0', '2000::/3', 'fc00::/7'].map(parsePrefix);
      const none = ['0.0.0.0/8', '127.0.0.0/8', '224.0.0.0/3'].map(parsePrefix);
      const isClient = (address: IpAddress) =>
        spaces.some((space) => prefixContains(space, address)) && !none.some((gap) => prefixContains(gap, address));
      fc.assert(
        fc.property(anyMachine, ({ family, routes, own, clients }) => {
          const machine = snapshotOf(
            { eth0: own.map((address) => `${address}/64`) },
            routes.map(({ address, length }) => `${address}/${length} eth0`),
          );
          const questions = sourceQuestions(machine, family, isOurLink);
          const covering = (address: IpAddress) =>
            questions.filter(({ interval }) => {
              const value = ipToNumber(address);
              return interval.first <= value && value <= interval.last;
            });
          for (const address of [...clients, ...own]) {
            expect(covering(address)).to.have.lengthOf(isClient(address) ? 1 : 0);
          }
          for (const question of questions) {
            expect(covering(question.destination)).to.deep.equal([question]);
            expect(familyOf(question.destination)).to.equal(family);
            for (const { first, last } of routes.map(prefixInterval)) {
              const { interval } = question;
              expect(first > interval.first && first <= interval.last).to.equal(false);
              expect(last >= interval.first && last < interval.last).to.equal(false);
            }
          }
        }),
      );
    });
  });

  it('are the addresses the kernel answered with, neighbours of one address joined', () => {
    const links = { eth0: ['192.168.1.2/24'], tun0: ['10.8.0.2/24'] };
    const routes = ['default eth0', '0.0.0.0/1 tun0', '128.0.0.0/1 tun0', '192.168.1.0/24 eth0'];
    const halves = { '0.0.0.0/1': '10.8.0.2', '128.0.0.0/1': '10.8.0.2', '192.168.1.0/24': '192.168.1.2' };
    expect(chosen(snapshotOf(links, routes), halves)).to.deep.equal([
      'lacks a route: false',
      '1.0.0.0-126.255.255.255 10.8.0.2',
      '128.0.0.0-192.168.0.255 10.8.0.2',
      '192.168.1.0/24 192.168.1.2',
      '192.168.2.0-223.255.255.255 10.8.0.2',
    ]);
  });

  it('are the tunnel address for clients that no route leads to', () => {
    const lan = snapshotOf({ eth0: ['192.168.1.2/24'] }, ['192.168.1.0/24 eth0']);
    expect(chosen(lan, { '192.168.1.0/24': '192.168.1.2' })).to.deep.equal([
      'lacks a route: true',
      '1.0.0.0-126.255.255.255 10.77.16.2',
      '128.0.0.0-192.168.0.255 10.77.16.2',
      '192.168.1.0/24 192.168.1.2',
      '192.168.2.0-223.255.255.255 10.77.16.2',
    ]);
    expect(chosen(lan, {}, 'ipv6')).to.deep.equal([
      'lacks a route: true',
      '2000::/3 fd77:16::2',
      'fc00::/7 fd77:16::2',
    ]);
  });

  it('are in IPv6 of the scope of the client, where one link has addresses of two', () => {
    const machine = snapshotOf({ eth0: ['2001:db8:1::9/64', 'fd00:1::2/64'] }, ['default6 eth0', 'fd00:1::/64 eth0']);
    const routes = { '2000::/3': '2001:db8:1::9', 'fc00::/7': 'fd00:1::2' };
    expect(chosen(machine, routes, 'ipv6')).to.deep.equal([
      'lacks a route: false',
      '2000::/3 2001:db8:1::9',
      'fc00::/7 fd00:1::2',
    ]);
  });
});
