/** In which order a revocation takes effect, seen from the backend that is revoked; and tokens that are revoked while somebody uses them. */

import { createAuthority } from '@homeward/controller/daemon/authority';
import { type Backends, createBackends } from '@homeward/controller/daemon/backends';
import { createChanges } from '@homeward/controller/daemon/changes';
import type { Relay } from '@homeward/controller/operations/relay';
import { revokeTokenById } from '@homeward/controller/operations/tokens';
import { unpair } from '@homeward/controller/operations/unpair';
import type { Authority } from '@homeward/controller/server/agent-session';
import type { RelayState } from '@homeward/controller/store/state';
import { addToken } from '@homeward/controller/store/tokens';
import { RelayError } from '@homeward/shared/errors/relay-error';
import { openStore, type Store } from '@homeward/shared/host/store';
import { generateKeyPair, type KeyPair } from '@homeward/shared/session/keys';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { pino } from 'pino';
import { recordedAudit } from '../audit/recorded.js';
import { rejectionOf } from '../errors/thrown.js';
import { connect, eventually, helloOf, online, type RawClient, type Rig, startRig } from '../server/rig.js';
import { pairing, relayState, SECRET, tokenFor } from '../store/relay-states.js';

const key = (): string => generateKeyPair().publicKey;
const far = new Date('2100-01-01T00:00:00.000Z').toISOString();

describe('operations/unpair', () => {
  let rig: Rig;
  let agent: KeyPair;
  let client: RawClient;
  let store: Store<RelayState>;
  let authority: Authority;
  let backends: Backends;
  let relay: Relay;
  let events: string[];
  /** What the kernel does when it is brought to the store's state. */
  let kernel: () => Promise<void>;

  beforeEach(async () => {
    agent = generateKeyPair();
    events = [];
    kernel = async () => undefined;
    const wireguard = { publicKey: key(), privateKey: 'PRIVATE', port: 51_820 };
    const home = { ...pairing('home', 1), agentKey: agent.publicKey, presharedKey: key() };
    const waiting = relayState([home, pairing('attic', 2)], { wireguard });
    const first = addToken(waiting, { ...tokenFor('attic'), expiresAt: far });
    const write = async (state: RelayState): Promise<void> => {
      await new Promise(setImmediate);
      if (state.revoked.some(({ agentKey }) => agentKey === agent.publicKey)) events.push('store');
    };
    store = await openStore<RelayState>({ read: async () => first, write }, async () => first);
    const logger = pino({ level: 'silent' });
    const changes = createChanges();
    const audit = recordedAudit().log;
    authority = createAuthority(store, changes, audit, logger);
    const reconcile = async () => {
      await kernel();
      return { changed: [], drift: [] };
    };
    backends = createBackends({
      ...{ store, changes, logger, reconcile, audit },
      tunnelFacts: () => ({ uplinkMtu: 1500, families: ['ipv4', 'ipv6'], devices: {} }),
      isBehind: () => false,
    });
    rig = await startRig({ judge: authority, onSession: backends.attach });
    const parts: Partial<Relay> = { store, backends, changes, logger, reconcile, now: () => new Date() };
    relay = parts as Relay;
    client = await online(rig, agent);
    await client.next('offer');
  });
  afterEach(() => rig.close());

  it('revokes the key, then cuts the tunnel and its forwards, then tells the backend, and answers when it has gone', async () => {
    let isCut: () => void = () => undefined;
    kernel = () => {
      events.push('kernel begins');
      return new Promise((resolve) => {
        isCut = () => {
          events.push('kernel done');
          resolve();
        };
      });
    };
    client.socket.on('close', () => events.push('gone'));
    const answered = unpair(relay, 'home').then((outcome) => {
      events.push('answer');
      return outcome;
    });
    await eventually('the kernel is told', () => events.includes('kernel begins'));
    expect(authority.lookup(agent.publicKey).kind).to.equal('revoked');

    // Whatever the backend says meanwhile has no effect any more, on the session that still stands and on a new one.
    const before = store.state();
    client.send({ type: 'leave' });
    const anew = await connect(rig, agent);
    anew.send(helloOf());
    await anew.next('unpair');
    await anew.closed();
    expect(rig.sessions).to.have.lengthOf(1);
    expect(store.state()).to.equal(before);
    expect(client.messages.map(({ type }) => type)).not.to.include('unpair');

    isCut();
    await client.next('unpair');
    expect(events).to.deep.equal(['store', 'kernel begins', 'kernel done']);
    client.socket.close();
    expect(await answered).to.deep.equal({ backend: 'home', wasEnrolled: true, cleaned: true });
    expect(events.at(-1)).to.equal('answer');
    expect(backends.sessionOf(agent.publicKey)).to.equal(undefined);
  });

  it('tells the backend, and keeps it out, also where the kernel could not be cleaned', async () => {
    kernel = () => Promise.reject(new RelayError('command-failed', 'the kernel says no'));
    const answered = rejectionOf(unpair(relay, 'home'));
    await client.next('unpair');
    client.socket.close();
    expect(await answered).to.have.property('message', 'the kernel says no');
    const anew = await connect(rig, agent);
    anew.send(helloOf());
    await anew.next('unpair');
    await anew.closed();
  });

  const enrollWith = (newcomer: string): Promise<{ readonly name: string } | null> =>
    authority.enroll({ tokenId: tokenFor('attic').id, secret: SECRET, agentKey: newcomer, from: '203.0.113.5' });

  it('of a token keeps out whoever comes after it, though both were asked for at once', async () => {
    const newcomer = key();
    const [revoked, admitted] = await Promise.all([revokeTokenById(relay, tokenFor('attic').id), enrollWith(newcomer)]);
    expect(revoked.state).to.equal('revoked');
    expect(admitted).to.equal(null);
    expect(authority.lookup(newcomer).kind).to.equal('unknown');
  });

  it('of a token tells who came in just before it', async () => {
    const newcomer = key();
    const [admitted, revoked] = await Promise.all([enrollWith(newcomer), revokeTokenById(relay, tokenFor('attic').id)]);
    expect(admitted).to.deep.equal({ name: 'attic' });
    expect(revoked.usedBy).to.have.lengthOf(1);
    expect(authority.lookup(newcomer).kind).to.equal('known');
  });
});
