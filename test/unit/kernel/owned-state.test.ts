/** What of a recorded machine is homeward's: foreign links, routes, rules and tables never are. */

import { type Ownership, ownedState } from '@homeward/shared/kernel/owned-state';
import { isSlotLink, isSlotTable } from '@homeward/shared/net/allocation';
import { textOf } from '@homeward/shared/state/describe';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { recordedSnapshot } from './snapshots.js';

const OWNERSHIP: Ownership = {
  tables: ['homeward_backend'],
  isLink: isSlotLink,
  isRoutingTable: isSlotTable,
  rules: true,
};
/** The links we made, by our own record. */
const MADE = ['hw1'];
const snapshot = recordedSnapshot();
const keys = (ownership: Ownership) => [...ownedState(snapshot, ownership, {}, new Map(), MADE).keys()];

describe('kernel/owned-state', () => {
  it('cuts out exactly our own things', () => {
    expect(keys(OWNERSHIP).filter((key) => !key.startsWith('element '))).to.have.members([
      'link hw1',
      'address 10.77.16.2/32 dev hw1',
      'wireguard hw1',
      'route default table 7701',
      'rule pref 4001 iif hw1 goto 4999',
      'rule pref 4301 fwmark 0x1000000/0xff000000 lookup 7701',
      'rule pref 4501 from 10.77.16.2 lookup main suppress_prefixlength 0',
      'rule pref 4601 from 10.77.16.2 lookup 7701',
      'rule pref 4999 nop',
      'rule pref 32770 ipproto udp sport 53 lookup 7701',
      'table inet homeward_backend',
    ]);
  });

  it('owns the elements of our sets, but not those that packets make', () => {
    const elements = keys(OWNERSHIP).filter((key) => key.startsWith('element '));
    expect(elements).to.have.lengthOf(14);
    expect(elements).to.include('element homeward_backend redirected4 { hw1 . 10.77.16.2 . tcp . 8080 }');
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
      expect(state.has('address 10.77.16.2/32 dev hw1'), `${type}`).to.equal(false);
    }
  });

  it('takes no link for ours that it did not make, whatever its name', () => {
    for (const made of [[], ['hw2']]) {
      const state = [...ownedState(snapshot, OWNERSHIP, {}, new Map(), made).keys()];
      expect(state.filter((key) => /^(link|address|wireguard) /.test(key))).to.deep.equal([]);
    }
  });

  it('takes no route for ours that bears another protocol, nor one of another table', () => {
    const [route] = snapshot.routes.filter(({ table }) => table === '7701');
    if (route === undefined) throw new Error('no such route was recorded');
    const foreign = [
      { ...route, protocol: 'static' },
      { ...route, table: '666' },
      { ...route, type: 'unreachable' },
    ];
    for (const other of foreign) {
      const state = ownedState({ ...snapshot, routes: [other] }, OWNERSHIP, {}, new Map(), MADE);
      expect(
        [...state.keys()].filter((key) => key.startsWith('route ')),
        JSON.stringify(other),
      ).to.deep.equal([]);
    }
  });

  it('trusts a skeleton only when its digest is the remembered one', () => {
    const digest = snapshot.tables.get('homeward_backend')?.digest ?? '';
    const text = (memory: Parameters<typeof ownedState>[2]) => {
      const table = ownedState(snapshot, OWNERSHIP, memory, new Map(), MADE).get('table inet homeward_backend');
      if (table === undefined) throw new Error('the table is not there');
      return textOf(table);
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
