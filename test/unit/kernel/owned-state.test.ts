/** What of a recorded machine is homeward's: foreign links, routes, rules and tables never are. */

import { type MadeByUs, type Ownership, ownedState } from '@homeward/shared/kernel/owned-state';
import { parseIp } from '@homeward/shared/net/address';
import { isSlotLink, isSlotTable, MAIN_TABLE } from '@homeward/shared/net/allocation';
import { keyOf, textOf } from '@homeward/shared/state/describe';
import type { HostState, NftTable } from '@homeward/shared/state/resources';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { recordedSnapshot } from './snapshots.js';

const OWNERSHIP: Ownership = {
  tables: ['homeward_backend'],
  isLink: isSlotLink,
  isRoutingTable: isSlotTable,
  isRule: () => true,
  firewalld: { priority: 1, isTrustedLink: () => false },
};
/** What we made, by our own record. */
const MADE = { links: ['hw1'], fouPorts: [] };
const snapshot = recordedSnapshot();
const tableOf = (found: ReturnType<HostState['get']>): NftTable => {
  if (found?.kind !== 'nft-table') throw new Error('the table is not there');
  return found;
};
const keys = (ownership: Ownership) => [...ownedState(snapshot, ownership, {}, new Map(), MADE).keys()];

describe('kernel/owned-state', () => {
  it('cuts out exactly our own things, of both families', () => {
    expect(keys(OWNERSHIP).filter((key) => !key.startsWith('elements '))).to.have.members([
      'link hw1',
      'address 10.77.16.2/32 dev hw1',
      'address fd77:16::2/128 dev hw1',
      'wireguard hw1',
      'route default table 7701',
      'route -6 default table 7701',
      'rule pref 4001 iif hw1 goto 5100',
      'rule pref 4301 fwmark 0x1000000/0xff000000 lookup 7701',
      'rule pref 4561 from 10.77.16.2 lookup main suppress_prefixlength 0',
      'rule pref 4821 from 10.77.16.2 lookup 7701',
      'rule pref 5100 nop',
      'rule pref 32770 ipproto udp sport 53 lookup 7701',
      'rule pref 32770 ipproto udp sport 5000-5999 lookup 7701',
      'rule pref 32770 ipproto udp sport 40404 lookup 7701',
      'rule -6 pref 4001 iif hw1 goto 5100',
      'rule -6 pref 4301 fwmark 0x1000000/0xff000000 lookup 7701',
      'rule -6 pref 4561 from fd77:16::2 lookup main suppress_prefixlength 0',
      'rule -6 pref 4821 from fd77:16::2 lookup 7701',
      'rule -6 pref 5100 nop',
      'rule -6 pref 32770 ipproto udp sport 53 lookup 7701',
      'rule -6 pref 32770 ipproto udp sport 5000-5999 lookup 7701',
      'rule -6 pref 32770 ipproto udp sport 40404 lookup 7701',
      'table inet homeward_backend',
    ]);
  });

  it('owns the elements of our sets, but not those that packets make', () => {
    const state = ownedState(snapshot, OWNERSHIP, {}, new Map(), MADE);
    const sets = keys(OWNERSHIP).filter((key) => key.startsWith('elements '));
    expect(sets).to.include.members([
      'elements homeward_backend tunnels',
      'elements homeward_backend redirected-ranges4',
    ]);
    expect(sets.filter((key) => /entered|watch|left/.test(key))).to.deep.equal([]);
    const redirected = state.get('elements homeward_backend redirected4');
    expect(redirected?.kind === 'nft-elements' ? [...redirected.elements] : null).to.deep.equal([
      ['10.77.16.2 . tcp . 8080', '192.168.1.99 . 80'],
    ]);
  });

  it('owns no rules, routes or links of the other side', () => {
    const relay: Ownership = {
      tables: [],
      isLink: (name) => name === 'hw0',
      isRoutingTable: () => false,
      isRule: () => false,
      firewalld: { priority: 1, isTrustedLink: () => false },
    };
    const state = ownedState({ ...snapshot, tables: new Map(), wireguard: new Map() }, relay, {}, new Map(), MADE);
    expect([...state.keys()]).to.deep.equal([]);
  });

  it('takes no device of another kind for ours, whatever its name', () => {
    const disguised = {
      ...snapshot,
      wireguard: new Map(),
      links: snapshot.links.filter((link) => link.name === 'hw1'),
    };
    for (const type of ['veth', 'bridge', 'dummy', null]) {
      const links = disguised.links.map((link) => ({ ...link, type }));
      const state = ownedState({ ...disguised, links }, OWNERSHIP, {}, new Map(), MADE);
      expect(state.has('link hw1'), `${type}`).to.equal(false);
      expect(
        [...state.keys()].filter((key) => key.startsWith('address ')),
        `${type}`,
      ).to.deep.equal([]);
    }
  });

  it('takes no link for ours that it did not make, whatever its name', () => {
    for (const made of [[], ['hw2']]) {
      const state = [...ownedState(snapshot, OWNERSHIP, {}, new Map(), { links: made, fouPorts: [] }).keys()];
      expect(state.filter((key) => /^(link|address|wireguard) /.test(key))).to.deep.equal([]);
    }
  });

  it('takes no route for ours that bears another protocol, nor one of another table', () => {
    const ours = snapshot.routes.filter(({ table }) => table === '7701');
    expect(ours.map(({ family }) => family)).to.deep.equal(['ipv4', 'ipv6']);
    const foreign = ours.flatMap((route) => [
      { ...route, protocol: 'static' },
      { ...route, table: '666' },
      { ...route, type: 'unreachable' },
      { ...route, link: null },
    ]);
    for (const other of foreign) {
      const state = ownedState({ ...snapshot, routes: [other] }, OWNERSHIP, {}, new Map(), MADE);
      expect(
        [...state.keys()].filter((key) => key.startsWith('route ')),
        JSON.stringify(other),
      ).to.deep.equal([]);
    }
  });

  it('owns GRE devices that it made, as they were made, and no others of their kind', () => {
    const gre = { type: 'gre', remote: parseIp('203.0.113.9'), local: null, key: 7, udp: null } as const;
    const links = snapshot.links.map((link) => (link.name === 'hw1' ? { ...link, type: 'gre', gre } : link));
    const found = (made: MadeByUs) =>
      ownedState({ ...snapshot, links, wireguard: new Map() }, OWNERSHIP, {}, new Map(), made).get('link hw1');
    expect(found(MADE)).to.deep.equal({ kind: 'link', name: 'hw1', device: gre, mtu: 1420, up: true });
    expect(found({ links: [], fouPorts: [] })).to.equal(undefined);
    const toAnybody = links.map((link) => (link.name === 'hw1' ? { ...link, gre: null } : link));
    expect(ownedState({ ...snapshot, links: toAnybody }, OWNERSHIP, {}, new Map(), MADE).has('link hw1')).to.equal(
      false,
    );
  });

  it('owns the ports for GRE in UDP that it opened', () => {
    const listed = { ...snapshot, fouPorts: [7700, 7701, 5555] };
    const ports = (fouPorts: readonly number[]) =>
      [...ownedState(listed, OWNERSHIP, {}, new Map(), { links: [], fouPorts }).keys()].filter((key) =>
        key.startsWith('fou '),
      );
    expect(ports([7701, 7702])).to.deep.equal(['fou port 7701']);
    expect(ports([])).to.deep.equal([]);
  });

  it("owns main's routes with its protocol where it may have some, the next machine among what they are", () => {
    const [ours] = snapshot.routes.filter(({ table }) => table === '7701');
    if (ours === undefined) throw new Error('there is no route');
    const routes = [
      { ...ours, table: 'main', destination: '10.77.16.2', link: 'hwg1' },
      { ...ours, gateway: '10.8.0.1' },
      { ...ours, family: 'ipv6' as const, gateway: 'fd00:8::1' },
      { ...ours, table: 'main', destination: '10.77.16.3', protocol: 'static' },
    ];
    const texts = (isRoutingTable: (table: number) => boolean) =>
      [...ownedState({ ...snapshot, routes }, { ...OWNERSHIP, isRoutingTable }, {}, new Map(), MADE).values()].flatMap(
        (one) => (one.kind === 'route' ? [`${keyOf(one)} ${textOf(one)}`] : []),
      );
    expect(texts((table) => table === MAIN_TABLE)).to.deep.equal(['route 10.77.16.2 table 254 dev hwg1']);
    expect(texts(isSlotTable)).to.deep.equal([
      'route default table 7701 via 10.8.0.1 dev hw1',
      'route -6 default table 7701 via fd00:8::1 dev hw1',
    ]);
  });

  it('leaves out the link-local address that the kernel gives a tun device', () => {
    const links = snapshot.links.filter(({ name }) => name === 'hw1');
    expect(links[0]?.addresses.some(({ scope }) => scope === 'link')).to.equal(true);
    expect(keys(OWNERSHIP).filter((key) => key.includes('fe80'))).to.deep.equal([]);
  });

  it('trusts a skeleton only when its digest is the remembered one', () => {
    const digest = snapshot.tables.get('homeward_backend')?.digest ?? '';
    const text = (memory: Parameters<typeof ownedState>[2]) => {
      const table = ownedState(snapshot, OWNERSHIP, memory, new Map(), MADE).get('table inet homeward_backend');
      return textOf(tableOf(table));
    };
    expect(text({ homeward_backend: { fingerprint: 'made of this', digest } })).to.equal('skeleton made of this');
    const changed = `skeleton changed (${digest})`;
    expect(text({ homeward_backend: { fingerprint: 'made of this', digest: 'another' } })).to.equal(changed);
    expect(text({ homeward_relay: { fingerprint: 'made of this', digest } })).to.equal(changed);
    expect(text({})).to.equal(changed);
  });

  it('takes sysctls as they are read, and none that the kernel does not have', () => {
    const sysctls = new Map([
      ['net/ipv4/ip_forward', '0'],
      ['net/ipv4/conf/hw9/rp_filter', null],
    ]);
    const state = ownedState(snapshot, OWNERSHIP, {}, sysctls, MADE);
    expect(state.get('sysctl net/ipv4/ip_forward')).to.include({ value: '0' });
    expect(state.has('sysctl net/ipv4/conf/hw9/rp_filter')).to.equal(false);
  });
});
