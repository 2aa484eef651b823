/** What of a recorded machine is homeward's: foreign links, routes, rules and tables never are. */

import { type Ownership, ownedState } from '@homeward/shared/kernel/owned-state';
import { isSlotLink, isSlotTable } from '@homeward/shared/net/allocation';
import { textOf } from '@homeward/shared/state/describe';
import type { HostState, NftTable } from '@homeward/shared/state/resources';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { recordedSnapshot } from './snapshots.js';

const OWNERSHIP: Ownership = {
  tables: ['homeward_backend'],
  isLink: isSlotLink,
  isRoutingTable: isSlotTable,
  rules: true,
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
      rules: false,
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
