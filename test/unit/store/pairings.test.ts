/** Pairings: indexes and addresses that never collide, and what is left of a removed one. */

import {
  addPairing,
  pairingNamed,
  poolAddresses,
  relayTunnelAddresses,
  removePairing,
  withForwards,
} from '@homeward/controller/store/pairings';
import type { RelayState } from '@homeward/controller/store/state';
import { stateSchema } from '@homeward/controller/store/state';
import { parseForward } from '@homeward/shared/net/forward-spec';
import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { z } from 'zod';
import { thrownBy } from '../errors/thrown.js';
import { NOW, paired, pairing, relayState } from './relay-states.js';

const add = (state: RelayState, name: string) => addPairing(state, name, 'SHARED');
const remove = (state: RelayState, name: string) => removePairing(state, name, NOW.toISOString());

describe('store/pairings', () => {
  it('finds a pairing by name, or says which there are', () => {
    const state = relayState([pairing('home', 1), pairing('nas', 2)]);
    expect(pairingNamed(state, 'nas').index).to.equal(2);
    expect(thrownBy(() => pairingNamed(state, 'attic'))).to.include({
      code: 'not-found',
      message: 'there is no backend named "attic"',
      hint: 'paired are: home, nas',
    });
    expect(thrownBy(() => pairingNamed(relayState(), 'attic')).hint).to.equal('pair one: controller pair attic');
  });

  it('gives each pairing an index and an address of its own, however pairings come and go', () => {
    const change = fc.record({ name: fc.constantFrom('a', 'b', 'c', 'd', 'e'), isAdded: fc.boolean() });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 20 }), (changes) => {
        const state = changes.reduce((now, { name, isAdded }) => {
          const isThere = now.pairings.some((other) => other.name === name);
          if (isAdded) return isThere ? now : add(now, name);
          return isThere ? remove(now, name) : now;
        }, relayState());
        const pairs = [relayTunnelAddresses(state), ...state.pairings.map((one) => poolAddresses(state, one))];
        expect(new Set(pairs.flatMap(({ ipv4, ipv6 }) => [ipv4, ipv6])).size).to.equal(2 * pairs.length);
        expect(Math.max(0, ...state.pairings.map((one) => one.index))).to.be.at.most(5);
        expect(z.decode(stateSchema, z.encode(stateSchema, state))).to.deep.equal(state);
      }),
    );
  });

  it('takes the lowest free index again', () => {
    const state = remove(add(add(add(relayState(), 'a'), 'b'), 'c'), 'b');
    expect(add(state, 'd').pairings.map(({ name, index }) => `${name} ${index}`)).to.deep.equal(['a 1', 'c 3', 'd 2']);
  });

  it('counts from the pool: the relay first, then the backends', () => {
    const state = add(relayState(), 'home');
    expect(relayTunnelAddresses(state)).to.deep.equal({ ipv4: '10.77.16.1', ipv6: 'fd77:16::1' });
    expect(poolAddresses(state, pairingNamed(state, 'home'))).to.deep.equal({
      ipv4: '10.77.16.2',
      ipv6: 'fd77:16::2',
    });
    const many = { ...pairingNamed(state, 'home'), index: 4000 };
    expect(poolAddresses(state, many)).to.deep.equal({ ipv4: '10.77.31.161', ipv6: 'fd77:16::fa1' });
  });

  it('refuses one more backend than the pool has addresses for, its broadcast address not counted', () => {
    const names = Array.from({ length: 13 }, (_, index) => `backend-${index}`);
    const full = names.reduce(add, relayState([], { pool: '10.77.16.0/28' }));
    expect(full.pairings.map((one) => poolAddresses(full, one).ipv4).at(-1)).to.equal('10.77.16.14');
    expect(thrownBy(() => add(full, 'one-more')).code).to.equal('conflict');
  });

  it('counts up the revision with each change of forwards', () => {
    const state = withForwards(relayState([pairing('home', 1), pairing('nas', 2)]), 'home', [parseForward('443/tcp')]);
    expect(pairingNamed(state, 'home')).to.deep.include({ forwards: [parseForward('443/tcp')], revision: 2 });
    expect(pairingNamed(state, 'nas').revision).to.equal(1);
  });

  it('remembers the key of a removed backend once, and nothing of one that never came', () => {
    const state = relayState([paired('home', 1, []), pairing('nas', 2)], {
      revoked: [{ agentKey: 'KEY-home', name: 'home', at: 'before' }],
    });
    expect(remove(state, 'home').revoked).to.deep.equal([
      { agentKey: 'KEY-home', name: 'home', at: NOW.toISOString() },
    ]);
    expect(remove(state, 'nas').revoked).to.deep.equal(state.revoked);
    expect(remove(state, 'nas').pairings.map(({ name }) => name)).to.deep.equal(['home']);
  });
});
