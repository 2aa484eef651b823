/** What keeps a relay from a slot: somebody else's link, table, rule or mark. */

import { type Claims, slotObstacle } from '@homeward/agent/desired/slot-obstacles';
import { parseLinks, parseRoutes, parseRules } from '@homeward/shared/kernel/iproute-parse';
import { expect } from 'chai';
import { describe, it } from 'mocha';

const NOTHING: Claims['snapshot'] = { links: [], routes: [], rules: [] };

const rules = (...rows: readonly object[]) => ({ rules: parseRules(JSON.stringify(rows), 'ipv4') });
const beside = (snapshot: Partial<Claims['snapshot']>, ...values: readonly number[]): Claims => ({
  snapshot: { ...NOTHING, ...snapshot },
  marks: values.map((value) => ({ value, table: 'ip mangle', chain: 'MARKS' })),
});
/** The slots up to 9 that are not free. */
const blocked = (claims: Claims, own: readonly number[] = []) =>
  [1, 2, 3, 4, 5, 6, 7, 8, 9].filter((slot) => slotObstacle(slot, claims, own) !== null);

describe('desired/slot-obstacles', () => {
  it('are none beside neighbours who use other bits, tables and priorities', () => {
    const neighbours = rules(
      { priority: 5210, src: 'all', fwmark: '0x80000', fwmask: '0xff0000', table: 'main' },
      { priority: 2001, src: 'all', fwmark: '0x100', fwmask: '0x3f00', table: '1' },
      { priority: 32_765, src: 'all', fwmark: '0xca6c', not: null, table: '51820' },
    );
    expect(blocked(beside(neighbours, 666, 0xca6c, 0x4000, 0x8000, 0x3f00, 0xff_0000))).to.deep.equal([]);
  });

  it('are a link of that name, and routes in that table that are not ours', () => {
    const links = parseLinks(JSON.stringify([{ ifname: 'hw2', ifindex: 7, flags: [], mtu: 1500, addr_info: [] }]));
    const route = (table: string, protocol: string) => ({ dst: 'default', dev: 'eth0', table, protocol });
    const routes = parseRoutes(JSON.stringify([route('7701', 'static'), route('7703', '177')]), 'ipv4');
    expect(blocked(beside({ links, routes }))).to.deep.equal([1, 2]);
  });

  it('are rules for that table, mark or priority', () => {
    expect(
      blocked(
        beside(
          rules(
            { priority: 100, src: 'all', iif: 'eth0', table: '7701' },
            { priority: 101, src: 'all', fwmark: '0x2000000', fwmask: '0xff000000', table: '9' },
            { priority: 102, src: 'all', fwmark: '0x4000000', fwmask: '0x4000000', table: '9' },
            { priority: 4828, src: 'all', table: '9' },
            { priority: 4309, src: 'all', fwmark: '0x9000000', fwmask: '0xff000000', table: '7709', protocol: '177' },
          ),
        ),
      ),
    ).to.deep.equal([1, 2, 4, 5, 6, 7, 8]);
  });

  it('are marks with a bit in common, but those of slots that are ours', () => {
    expect(blocked(beside({}, 0x0600_0000))).to.deep.equal([2, 3, 4, 5, 6, 7]);
    expect(blocked(beside({}, 0x0100_0000), [1])).to.deep.equal([]);
    expect(slotObstacle(2, beside({}, 0x6f0_0000), [])).to.equal(
      'table ip mangle, chain MARKS uses the mark 0x6f00000',
    );
  });
});
