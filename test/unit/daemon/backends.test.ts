/** Backends by name while their names change: a session belongs to a key. */

import { type Backends, createBackends } from '@homeward/controller/daemon/backends';
import { createChanges } from '@homeward/controller/daemon/changes';
import { addPairing, renamePairing, withPairing } from '@homeward/controller/store/pairings';
import type { RelayState } from '@homeward/controller/store/state';
import { openStore, type Store } from '@homeward/shared/host/store';
import { generateKeyPair, type KeyPair } from '@homeward/shared/session/keys';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { pino } from 'pino';
import { recordedAudit } from '../audit/recorded.js';
import { rejectionOf } from '../errors/thrown.js';
import { eventually, online, type RawClient, type Rig, startRig } from '../server/rig.js';
import { relayState } from '../store/relay-states.js';

const key = () => generateKeyPair().publicKey;

/** A relay with one paired backend, its keys real: they travel. */
function stateWith(name: string, agentKey: string): RelayState {
  const empty = relayState([], { wireguard: { publicKey: key(), privateKey: 'PRIVATE', port: 51_820 } });
  const added = addPairing(empty, name, key());
  return added.pairings.reduce((state, pairing) => withPairing(state, { ...pairing, agentKey }), added);
}

describe('daemon/backends', () => {
  let rig: Rig;
  let agent: KeyPair;
  let client: RawClient;
  let store: Store<RelayState>;
  let backends: Backends;
  let reconcile: () => Promise<void>;
  let isFull: boolean;

  beforeEach(async () => {
    agent = generateKeyPair();
    const first = stateWith('home', agent.publicKey);
    isFull = false;
    const write = async () => {
      if (isFull) throw new Error('disk full');
    };
    store = await openStore<RelayState>({ read: async () => first, write }, async () => first);
    const logger = pino({ level: 'silent' });
    reconcile = async () => undefined;
    backends = createBackends({
      audit: recordedAudit().log.by({ actor: 'agent' }),
      ...{ store, changes: createChanges(), logger },
      tunnelFacts: () => ({ uplinkMtu: 1500, families: ['ipv4', 'ipv6'], devices: {} }),
      isBehind: () => false,
      reconcile: () => reconcile(),
    });
    rig = await startRig({ onSession: backends.attach });
    rig.authority.names.set(agent.publicKey, 'home');
    client = await online(rig, agent);
    await client.next('offer');
  });
  afterEach(() => rig.close());

  const rename = (from: string, to: string) =>
    store.update((state) => ({ state: renamePairing(state, from, to), result: null }));

  const answer = (ok: boolean) =>
    client.send({
      type: 'applied',
      revision: 1,
      ok,
      reason: ok ? null : 'no room',
      refused: [],
      device: 'hw1',
      implementation: 'kernel',
      addresses: null,
      ipv6: true,
      echoPort: 40_404,
    });

  it('are known to have failed at once where the relay cannot remember their answer', async () => {
    backends.offer('home');
    await client.next('offer');
    isFull = true;
    answer(true);
    await eventually('the failure is known', () => backends.failure('home') !== null);
    expect(backends.failure('home')).to.equal('the relay could not remember its answer: disk full');
    expect(backends.hasAnswered('home')).to.equal(true);
    isFull = false;
    backends.offer('home');
    await client.next('offer');
    answer(true);
    await eventually('the offer is applied', () => store.state().pairings[0]?.applied?.device === 'hw1');
    expect(backends.failure('home')).to.equal(null);
  });

  it('are sent away, to come again, where the relay cannot remember them', async () => {
    isFull = true;
    const again = await online(rig, agent);
    await again.closed();
    expect(backends.failure('home')).to.equal('the relay could not remember it: disk full');
  });

  it('are online under their new name only', async () => {
    await rename('home', 'attic');
    expect([backends.isOnline('attic'), backends.isOnline('home')]).to.deep.equal([true, false]);
    client.socket.close();
    await eventually('the backend is offline', () => !backends.isOnline('attic'));
  });

  it('get offers under their new name, and what they answer is known by it', async () => {
    await rename('home', 'attic');
    backends.offer('attic');
    expect(backends.hasAnswered('attic')).to.equal(false);
    await client.next('offer');
    answer(false);
    await eventually('the failure is known', () => backends.failure('attic') !== null);
    expect([backends.failure('attic'), backends.failure('home')]).to.deep.equal(['no room', null]);
    expect(backends.hasAnswered('attic')).to.equal(true);
    answer(true);
    await eventually('the offer is applied', () => store.state().pairings[0]?.applied?.device === 'hw1');
    expect(backends.failure('attic')).to.equal(null);
  });

  it('answer to their new name though they were offered something under the old one', async () => {
    backends.offer('home');
    await client.next('offer');
    await rename('home', 'attic');
    answer(false);
    await eventually('the failure is known', () => backends.failure('attic') === 'no room');
    expect(backends.hasAnswered('attic')).to.equal(true);
  });

  it('say what they observed under their new name', async () => {
    await rename('home', 'attic');
    const { signal } = new AbortController();
    const watch = { ports: [], clientPorts: [], explain: false };
    const observed = backends.observe('attic', 'stop', watch, signal);
    const asked = await client.next('observe');
    if (asked.type !== 'observe') throw new Error('not asked');
    client.send({ type: 'observed', id: asked.id, flows: [], drift: ['x'], listeners: [] });
    expect((await observed).drift).to.deep.equal(['x']);
    expect(await rejectionOf(backends.observe('home', 'stop', watch, signal))).to.include({ code: 'unreachable' });
  });

  it('have answered only when the relay has done its part as well', async () => {
    let isDone: () => void = () => undefined;
    let isBegun = false;
    reconcile = () => {
      isBegun = true;
      return new Promise((resolve) => {
        isDone = resolve;
      });
    };
    backends.offer('home');
    await client.next('offer');
    answer(true);
    await eventually('the relay begins its part', () => isBegun);
    expect(backends.hasAnswered('home')).to.equal(false);
    isDone();
    await eventually('both have done their part', () => backends.hasAnswered('home'));
  });

  it('are offered their tunnel though the relay could not do its part at once', async () => {
    reconcile = () => Promise.reject(new Error('the kernel is busy'));
    client.socket.close();
    await eventually('the backend is offline', () => !backends.isOnline('home'));
    const back = await online(rig, agent);
    expect((await back.next('offer')).type).to.equal('offer');
  });

  it('can be told after their pairing is gone, by their key', async () => {
    await store.update((state) => ({ state: { ...state, pairings: [] }, result: null }));
    const dismissed = backends.dismiss(backends.sessionOf(agent.publicKey));
    await client.next('unpair');
    client.socket.close();
    expect(await dismissed).to.equal(true);
    expect(backends.sessionOf(null)).to.equal(undefined);
  });

  it('leave under the name they have by now', async () => {
    await rename('home', 'attic');
    client.send({ type: 'leave' });
    await client.closed();
    expect(store.state().pairings).to.deep.equal([]);
    expect(store.state().revoked.map(({ name }) => name)).to.deep.equal(['attic']);
  });
});
