/** A relay's offers at a backend: taken, answered, and reviewed when the owner's device or policy changes. */

import { createOffers, type Offers } from '@homeward/agent/daemon/offers';
import type { RelaySessionDeps } from '@homeward/agent/daemon/relay-session';
import { parsePolicy } from '@homeward/agent/policy';
import { withDevice } from '@homeward/agent/store/relays';
import type { RelayRecord } from '@homeward/agent/store/state';
import type { Applied, Offer } from '@homeward/shared/protocol/messages';
import { parseAgentMessage } from '@homeward/shared/protocol/messages';
import { expect } from 'chai';
import { beforeEach, describe, it } from 'mocha';
import { snapshotOf } from '../kernel/snapshots.js';
import { accepted, externalOffer, offer, relay } from '../store/backend-states.js';
import { type Machine, OPEN, sessionDeps } from './session-deps.js';

const LINKS = { lo: ['127.0.0.1/8'], eth0: ['192.168.1.2/24'] };
const WITHOUT = snapshotOf(LINKS, ['default eth0']);
const WITH = snapshotOf({ ...LINKS, tun0: ['10.8.0.2/24', 'fd00:8::2/64'] }, ['default eth0', '10.8.0.0/24 tun0']);
const TUN = { name: 'tun0', gateway: null };
const EXTERNAL = externalOffer('10.8.0.1', null, ['443/tcp']);
const AWAY = 'this backend has no device tun0 that is up';

describe('daemon/offers', () => {
  let machine: Machine;
  let deps: RelaySessionDeps;
  let offers: Offers;
  let answers: Applied[];
  let endpointHost: string | null;

  async function begin(own: RelayRecord, ...others: RelayRecord[]): Promise<void> {
    machine = { snapshot: WITH, policy: OPEN, refuses: null };
    deps = await sessionDeps(machine, [own, ...others]);
    answers = [];
    endpointHost = '198.51.100.1';
    const record = () => {
      const found = deps.store.state().relays[0];
      if (found === undefined) throw new Error('the relay is gone');
      return found;
    };
    offers = createOffers({
      ...deps,
      ...{
        controllerKey: 'A',
        record,
        endpointHost: () => endpointHost,
        localHost: () => null,
        send: (one) => answers.push(one),
        inTurn: (task) => void task(),
      },
    });
  }
  beforeEach(() => begin(relay(1, 'A', { device: TUN })));

  const stored = () => deps.store.state().relays[0]?.accepted?.offer;
  /** The answers since the last time, each in a form the wire takes, as `revision ok reason`. */
  const told = () =>
    answers.splice(0).map((one) => {
      expect(parseAgentMessage(JSON.parse(JSON.stringify(one)))).to.deep.equal(one);
      return `${one.revision} ${one.ok} ${one.reason ?? ''}`.trimEnd();
    });
  const again = (one: Offer, revision: number): Offer => ({ ...one, revision });

  it('are answered with the addresses of the device that the owner named', async () => {
    await offers.take(EXTERNAL);
    expect(answers).to.deep.equal([
      {
        ...{ type: 'applied', revision: 1, ok: true, reason: null, refused: [], echoPort: 40_404 },
        ...{ device: 'tun0', implementation: null, addresses: { ipv4: '10.8.0.2', ipv6: null }, ipv6: false },
      },
    ]);
    expect(stored()).to.deep.equal(EXTERNAL);
    await offers.take(again(externalOffer('10.8.0.1', 'fd00:8::1'), 2));
    expect(answers[1]).to.deep.include({ addresses: { ipv4: '10.8.0.2', ipv6: 'fd00:8::2' }, ipv6: true });
  });

  it('are answered without addresses where the tunnel is ours: the relay gave them', async () => {
    await offers.take(offer());
    expect(answers[0]).to.deep.include({ ok: true, device: 'hw1', addresses: null, ipv6: true });
  });

  it('tell nothing new where nothing is, and what is otherwise once', async () => {
    await offers.take(EXTERNAL);
    told();
    await offers.review();
    expect(told()).to.deep.equal([]);
    machine.snapshot = WITHOUT;
    await offers.review();
    await offers.review();
    expect(told()).to.deep.equal([`1 false ${AWAY}`]);
    machine.snapshot = WITH;
    await offers.review();
    await offers.review();
    expect(told()).to.deep.equal(['1 true']);
    machine.snapshot = snapshotOf({ ...LINKS, tun0: ['10.8.0.77/24'] }, ['default eth0']);
    await offers.review();
    expect(answers[0]?.addresses).to.deep.equal({ ipv4: '10.8.0.77', ipv6: null });
  });

  it('are told again what the owner no longer allows', async () => {
    await offers.take(EXTERNAL);
    answers.length = 0;
    machine.policy = parsePolicy('/etc/policy.json', { ports: ['80/tcp'] });
    await offers.review();
    expect(answers.map(({ refused }) => refused.map(({ spec }) => spec))).to.deep.equal([['443/tcp']]);
    expect(offers.refused().map(({ spec }) => spec)).to.deep.equal(['443/tcp']);
  });

  it('keep what changed for the next session while there is none', async () => {
    await offers.take(EXTERNAL);
    told();
    machine.snapshot = WITHOUT;
    endpointHost = null;
    await offers.review();
    expect(told()).to.deep.equal([]);
    endpointHost = '198.51.100.1';
    await offers.review();
    expect(told()).to.deep.equal([`1 false ${AWAY}`]);
  });

  it('are taken when the device comes that they waited for, also where another tunnel held until then', async () => {
    for (const before of [null, accepted()]) {
      await begin(relay(1, 'A', { device: TUN, accepted: before }));
      machine.snapshot = WITHOUT;
      await offers.take(again(EXTERNAL, 5));
      expect(told()).to.deep.equal([`5 false ${AWAY}`]);
      expect(stored()).to.deep.equal(before?.offer);
      machine.snapshot = WITH;
      await offers.review();
      expect(told()).to.deep.equal(['5 true']);
      expect(stored()).to.deep.equal(again(EXTERNAL, 5));
      await offers.review();
      expect(told()).to.deep.equal([]);
    }
  });

  it('are taken when the owner names the device', async () => {
    await begin(relay(1, 'A'));
    await offers.take(EXTERNAL);
    expect(told()[0]).to.match(/^1 false this backend was not told which of its devices/);
    await deps.store.update((state) => ({ state: withDevice(state, 'A', TUN), result: null }));
    await offers.review();
    expect(told()).to.deep.equal(['1 true']);
  });

  it('do not come back once the relay has offered something else', async () => {
    machine.snapshot = WITHOUT;
    await offers.take(again(EXTERNAL, 5));
    await offers.take(again(offer(), 6));
    told();
    machine.snapshot = WITH;
    await offers.review();
    expect(stored()).to.deep.equal(again(offer(), 6));
  });

  it('are not tried again where it was not the device', async () => {
    machine.policy = parsePolicy('/etc/policy.json', { tunnels: ['wireguard'] });
    await offers.take(EXTERNAL);
    machine.policy = OPEN;
    machine.refuses = 'the kernel says no';
    await offers.take(again(EXTERNAL, 2));
    machine.refuses = null;
    expect(told().map((line) => line.split(' ')[1])).to.deep.equal(['false', 'false']);
    await offers.review();
    expect([told(), stored()]).to.deep.equal([[], undefined]);
  });

  it('take no device that leads to another relay, until that one has let it go', async () => {
    const other = relay(2, 'B', { device: TUN, accepted: { offer: EXTERNAL, endpointHost: '198.51.100.9' } });
    await begin(relay(1, 'A', { device: TUN }), other);
    await offers.take(EXTERNAL);
    expect(told()[0]).to.match(/^1 false tun0 leads to the relay in slot 2/);
    await deps.store.update((state) => ({ state: { ...state, relays: state.relays.slice(0, 1) }, result: null }));
    await offers.review();
    expect(told()).to.deep.equal(['1 true']);
  });
});
