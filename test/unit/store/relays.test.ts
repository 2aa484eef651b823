/** The backend's relays: slots, choosing one, and what a revoked one leaves. */

import {
  addRelay,
  chooseRelay,
  freeSlot,
  pairedRelays,
  removeRelay,
  revokeRelay,
  tunnelLink,
  withAccepted,
  withDevice,
  withUrls,
} from '@homeward/agent/store/relays';
import type { BackendState } from '@homeward/agent/store/state';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { thrownBy } from '../errors/thrown.js';
import { accepted, backendStateOf, externalOffer, relay } from './backend-states.js';

const none = () => null;
const slots = (state: BackendState) => state.relays.map(({ slot, controllerKey }) => `${slot} ${controllerKey}`);

describe('store/relays', () => {
  describe('by a device of the owner', () => {
    const tun0 = { name: 'tun0', gateway: null };
    const external = { offer: externalOffer('10.8.0.1', null), endpointHost: '198.51.100.1' };

    it('are reached by it while their tunnel is external, else by the link of the slot', () => {
      expect(tunnelLink(relay(3, 'A', { device: tun0, accepted: external }))).to.equal('tun0');
      expect(tunnelLink(relay(3, 'A', { device: tun0, accepted: accepted() }))).to.equal('hw3');
      expect(tunnelLink(relay(3, 'A', { device: tun0 }))).to.equal('hw3');
      expect(tunnelLink(relay(3, 'A', { accepted: external }))).to.equal('hw3');
    });

    it('have the one that was named last, and the others theirs', () => {
      const state = backendStateOf(relay(1, 'A', { device: tun0, accepted: external }), relay(2, 'B'));
      const changed = withDevice(state, 'A', { name: 'zt0', gateway: '10.147.17.1' });
      expect(changed.relays.map(({ device }) => device)).to.deep.equal([{ name: 'zt0', gateway: '10.147.17.1' }, null]);
      expect(withDevice(state, 'A', tun0)).to.deep.equal(state);
    });

    it('have none that leads to another, nor one of ours', () => {
      const state = backendStateOf(relay(1, 'A', { device: tun0, accepted: external }), relay(2, 'B'));
      expect(thrownBy(() => withDevice(state, 'B', tun0))).to.include({
        code: 'conflict',
        message: 'tun0 leads to the relay in slot 1 already',
      });
      expect(withDevice(backendStateOf(relay(1, 'A', { device: tun0 }), relay(2, 'B')), 'B', tun0)).to.not.equal(null);
      const revoked = backendStateOf(relay(1, 'A', { device: tun0, accepted: external, revoked: true }), relay(2, 'B'));
      withDevice(revoked, 'B', tun0);
      for (const name of ['hw1', 'hw0', 'hwg1', 'hwp0']) {
        expect(thrownBy(() => withDevice(state, 'B', { name, gateway: null })).code, name).to.equal('conflict');
      }
    });
  });

  it('takes the lowest free slot, around those of other relays and what others of the machine use', () => {
    expect(freeSlot(backendStateOf(), none)).to.equal(1);
    expect(freeSlot(backendStateOf(relay(1, 'A'), relay(3, 'B')), none)).to.equal(2);
    expect(freeSlot(backendStateOf(relay(1, 'A')), (slot) => (slot === 2 ? 'a link named hw2 exists' : null))).to.equal(
      3,
    );
  });

  it('takes the slot of a revoked relay again', () => {
    expect(freeSlot(backendStateOf(relay(1, 'A', { revoked: true })), none)).to.equal(1);
  });

  it('refuses a relay too many', () => {
    const all = backendStateOf(...Array.from({ length: 255 }, (_, index) => relay(index + 1, `K${index}`)));
    expect(thrownBy(() => freeSlot(all, none))).to.include({ code: 'conflict', hint: 'leave one: agent leave RELAY' });
  });

  it('names what of others leaves no slot', () => {
    const refusal = thrownBy(() => freeSlot(backendStateOf(relay(1, 'A')), (slot) => `somebody has ${slot}`));
    expect(refusal.code).to.equal('conflict');
    expect(refusal.message).to.equal('other programs of this machine leave no slot for a relay: somebody has 2');
    expect(refusal.hint).to.include('0xff000000');
  });

  it('puts a relay in the place of a revoked one of the same controller or slot', () => {
    const state = backendStateOf(relay(1, 'A', { revoked: true }), relay(2, 'B'), relay(3, 'C', { revoked: true }));
    expect(slots(addRelay(state, relay(1, 'D')))).to.have.members(['2 B', '3 C', '1 D']);
    expect(slots(addRelay(state, relay(1, 'C')))).to.have.members(['2 B', '1 C']);
  });

  it('forgets the offer of a revoked relay and keeps the rest', () => {
    const state = withAccepted(backendStateOf(relay(1, 'A'), relay(2, 'B')), 'A', accepted());
    const revoked = revokeRelay(state, 'A');
    expect(revoked.relays[0]).to.include({ revoked: true, accepted: null });
    expect(pairedRelays(revoked).map(({ controllerKey }) => controllerKey)).to.deep.equal(['B']);
    expect(slots(removeRelay(revoked, 'A'))).to.deep.equal(['2 B']);
  });

  it('changes one relay alone', () => {
    const state = withUrls(backendStateOf(relay(1, 'A'), relay(2, 'B')), 'B', 'attic', ['ws://new:7700']);
    expect(state.relays.map(({ name }) => name)).to.deep.equal(['home', 'attic']);
    expect(state.relays[1]?.urls).to.deep.equal(['ws://new:7700']);
  });

  it('chooses the only relay, or one by name or slot', () => {
    const one = backendStateOf(relay(1, 'A'));
    expect(chooseRelay(one, null).controllerKey).to.equal('A');
    const two = backendStateOf(relay(1, 'A'), relay(2, 'B', { name: 'attic' }));
    expect(chooseRelay(two, 'attic').controllerKey).to.equal('B');
    expect(chooseRelay(two, '1').controllerKey).to.equal('A');
  });

  it('asks which of several, and names them', () => {
    const two = backendStateOf(relay(1, 'A'), relay(2, 'B'));
    expect(thrownBy(() => chooseRelay(two, null))).to.include({
      code: 'not-found',
      message: 'which relay? there are several',
      hint: 'name it by its slot: home (slot 1, ws://198.51.100.1:7700); home (slot 2, ws://198.51.100.1:7700)',
    });
    expect(thrownBy(() => chooseRelay(two, 'home')).message).to.equal('there is no single relay "home"');
    expect(thrownBy(() => chooseRelay(two, 'x')).code).to.equal('not-found');
    expect(thrownBy(() => chooseRelay(backendStateOf(relay(1, 'A', { revoked: true })), null)).message).to.equal(
      'this backend is paired with no relay',
    );
  });
});
