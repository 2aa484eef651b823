/** Offers that wait to be confirmed, at a backend: they hold on the relay's word, and go back without it. */

import { createOffers, type Offers } from '@homeward/agent/daemon/offers';
import type { RelaySessionDeps } from '@homeward/agent/daemon/relay-session';
import { formerOffer, relayOfChange, withOffersBack, withOffersSettled } from '@homeward/agent/store/offer-changes';
import { type RelayRecord, stateSchema } from '@homeward/agent/store/state';
import { type Applied, type Offer, parseControllerMessage } from '@homeward/shared/protocol/messages';
import { expect } from 'chai';
import { beforeEach, describe, it } from 'mocha';
import { snapshotOf } from '../kernel/snapshots.js';
import { eventually } from '../server/rig.js';
import { accepted, externalOffer, offer, relay } from '../store/backend-states.js';
import { CHANGE, OPEN, sessionDeps } from './session-deps.js';

const LINKS = { lo: ['127.0.0.1/8'], eth0: ['192.168.1.2/24'], tun0: ['10.8.0.2/24'] };
const SNAPSHOT = snapshotOf(LINKS, ['default eth0', '10.8.0.0/24 tun0']);
const FOREVER_MS = 600_000;
const FORMER = accepted();

describe('daemon/offers that wait to be confirmed', () => {
  let deps: RelaySessionDeps;
  let offers: Offers;
  let answers: Applied[];
  /** What the kernel refuses; null for nothing. */
  let refusedKind: string | null;
  let turns: Promise<void>[];

  const record = (): RelayRecord => {
    const [found] = deps.store.state().relays;
    if (found === undefined) throw new Error('the relay is gone');
    return found;
  };
  const tunnelKind = () => record().accepted?.offer.tunnel.kind;

  beforeEach(async () => {
    [answers, refusedKind, turns] = [[], null, []];
    const own = relay(1, 'A', { device: { name: 'tun0', gateway: null }, accepted: FORMER });
    const made = await sessionDeps({ snapshot: SNAPSHOT, policy: OPEN, refuses: null }, [own]);
    deps = {
      ...made,
      async reconcile() {
        if (tunnelKind() === refusedKind) throw new Error('the kernel says no');
      },
    };
    offers = createOffers({
      ...deps,
      ...{ controllerKey: 'A', record, endpointHost: () => FORMER.endpointHost, localHost: () => null },
      send: (one) => answers.push(one),
      inTurn: (task) => turns.push(task()),
    });
  });

  const unconfirmed = (revision: number, confirmWithinMs = FOREVER_MS): Offer => ({
    ...externalOffer('10.8.0.1', null, ['443/tcp']),
    ...{ revision, confirmWithinMs },
  });

  it('are applied and stored with what is gone back to, under the name of their guard', async () => {
    await offers.take(unconfirmed(5));
    expect(answers.map(({ ok, revision }) => [ok, revision])).to.deep.equal([[true, 5]]);
    expect(record().fallback).to.deep.equal({ accepted: FORMER, change: CHANGE, confirmMs: FOREVER_MS });
    expect(tunnelKind()).to.equal('external');
    expect(record().accepted?.offer, 'the time is not part of what is wanted').not.to.have.property('confirmWithinMs');
    expect(stateSchema.parse(JSON.parse(JSON.stringify(deps.store.state())))).to.deep.equal(deps.store.state());
  });

  it('hold when the relay says so, of them or of a later one, but not of an earlier one', async () => {
    await offers.take(unconfirmed(5));
    await offers.confirmed(4);
    expect(record().fallback).not.to.equal(null);
    await offers.confirmed(5);
    expect([record().fallback, tunnelKind()]).to.deep.equal([null, 'external']);
    await offers.confirmed(6);
    expect(tunnelKind()).to.equal('external');
  });

  it('keep their way back while forwards change', async () => {
    await offers.take(unconfirmed(5));
    await offers.take({ ...unconfirmed(6), forwards: ['443/tcp', '80/tcp'] });
    expect(record().accepted?.offer.forwards).to.deep.equal(['443/tcp', '80/tcp']);
    expect(record().fallback?.accepted).to.deep.equal(FORMER);
  });

  it('give way to an offer that holds at once', async () => {
    await offers.take(unconfirmed(5));
    await offers.take({ ...offer(), revision: 6 });
    expect([record().fallback, tunnelKind(), record().accepted?.offer.revision]).to.deep.equal([null, 'wireguard', 6]);
  });

  it('go back by themselves when the time is over', async () => {
    await offers.take(unconfirmed(5, 1));
    await eventually('the time to be over', () => turns.length > 0);
    await Promise.all(turns);
    expect(record().accepted).to.deep.equal(FORMER);
    expect(record().fallback).to.equal(null);
  });

  it('go back at once when they cannot be applied, and say so', async () => {
    refusedKind = 'external';
    await offers.take(unconfirmed(5));
    expect(answers[0]).to.deep.include({ ok: false, revision: 5, reason: 'the kernel says no' });
    expect(record().accepted).to.deep.equal(FORMER);
    expect(record().fallback).to.equal(null);
  });

  it('change nothing when no guard comes to stand', async () => {
    const unguarded = createOffers({
      ...deps,
      ...{ controllerKey: 'A', record, endpointHost: () => FORMER.endpointHost, localHost: () => null },
      startGuard: async () => {
        throw new Error('no guard');
      },
      send: (one) => answers.push(one),
      inTurn: () => undefined,
    });
    await unguarded.take(unconfirmed(5));
    expect(answers[0]).to.deep.include({ ok: false, reason: 'no guard' });
    expect(record()).to.deep.include({ accepted: FORMER, fallback: null });
  });

  it('need no way back where the tunnel is the same, or the first', async () => {
    await offers.take({ ...offer(), revision: 5, confirmWithinMs: FOREVER_MS });
    expect(record().fallback).to.equal(null);
    await deps.store.update((state) => ({
      state: { ...state, relays: [{ ...record(), accepted: null }] },
      result: null,
    }));
    await offers.take(unconfirmed(6));
    expect([record().fallback, tunnelKind()]).to.deep.equal([null, 'external']);
  });

  it('that a killed daemon left are gone back from once, and settled', async () => {
    await offers.take(unconfirmed(5));
    const left = deps.store.state();
    expect(relayOfChange(left, CHANGE)?.name).to.equal('home');
    const back = withOffersBack(left, CHANGE);
    expect(back.relays[0]?.accepted).to.deep.equal(FORMER);
    expect(back.relays.map(formerOffer)).to.deep.equal([null]);
    expect(relayOfChange(back, CHANGE), 'not settled until the kernel is as before').not.to.equal(undefined);
    const settled = withOffersSettled(withOffersBack(back, null), null);
    expect(settled.relays[0]).to.deep.equal(relay(1, 'A', { device: record().device, accepted: FORMER }));
    expect(relayOfChange(settled, CHANGE)).to.equal(undefined);
  });

  it('travel only with a time that makes sense', () => {
    const message = { ...offer(), confirmWithinMs: 30_000 };
    expect(parseControllerMessage(message)).to.deep.equal(message);
    for (const confirmWithinMs of [0, -1, 1.5, 600_001, null]) {
      expect(() => parseControllerMessage({ ...offer(), confirmWithinMs })).to.throw(/confirmWithinMs/);
    }
    expect(parseControllerMessage({ type: 'confirmed', revision: 3 })).to.deep.equal({
      type: 'confirmed',
      revision: 3,
    });
    expect(() => parseControllerMessage({ type: 'confirmed' })).to.throw();
  });
});
