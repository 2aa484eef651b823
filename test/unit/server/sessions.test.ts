/** One session per key: the newest wins, and a cloned key is found. */

import { addressGroup } from '@homeward/controller/server/address-group';
import { createAdmission } from '@homeward/controller/server/admission';
import { createCloneWatch } from '@homeward/controller/server/clone-watch';
import { DEFAULT_LIMITS } from '@homeward/controller/server/limits';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { connect, eventually, helloOf, online, pairedKey, startRig } from './rig.js';

describe('server: sessions', () => {
  it('keeps the newest confirmed session of a key and closes the older one first', async () => {
    const rig = await startRig();
    const key = pairedKey(rig);
    const older = await online(rig, key);
    const unconfirmed = await connect(rig, key);
    expect(rig.closed).to.have.lengthOf(0);
    const newer = await online(rig, key);
    await older.closed();
    expect(rig.closed).to.deep.equal([rig.sessions[0]]);
    expect(rig.server.find(key.publicKey)).to.equal(rig.sessions[1]);
    newer.send({ type: 'leave' });
    await eventually('the newer one works', () => rig.received.length === 1);
    unconfirmed.socket.terminate();
    newer.socket.close();
    await eventually('the key is offline', () => rig.server.find(key.publicKey) === undefined);
    await rig.close();
  });

  it('sends to an agent, closes its session by key, and closes all at the end', async () => {
    const rig = await startRig();
    const [first, second] = [pairedKey(rig, 'a'), pairedKey(rig, 'b')];
    const clients = [await online(rig, first), await online(rig, second)];
    rig.server.find(first.publicKey)?.send({ type: 'unpair' });
    rig.server.find(first.publicKey)?.close('revoked');
    await clients[0]?.next('unpair');
    await clients[0]?.closed();
    await rig.close();
    await clients[1]?.closed();
    expect(rig.closed).to.have.lengthOf(2);
  });

  it('refuses both machines of a cloned key, reports it, and looks again after the hold', async () => {
    let nowMs = 0;
    const rig = await startRig({ now: () => nowMs });
    const key = pairedKey(rig);
    for (const bootId of ['boot-a', 'boot-b', 'boot-a']) {
      await online(rig, key, bootId);
      nowMs += 1000;
    }
    const last = await connect(rig, key);
    last.send(helloOf('boot-b'));
    await last.next('refused');
    await last.closed();
    expect(rig.closed).to.have.lengthOf(3);
    expect(rig.server.find(key.publicKey)).to.equal(undefined);
    expect(rig.log()).to.contain('cloned agent key');
    const again = await connect(rig, key);
    again.send(helloOf('boot-a'));
    await again.next('refused');
    nowMs += DEFAULT_LIMITS.cloneHoldMs;
    const mended = await online(rig, key, 'boot-a');
    mended.socket.close();
    await rig.close();
  });
});

describe('server/clone-watch', () => {
  const watch = (times: readonly [string, number][]): string[] => {
    let nowMs = 0;
    const clones = createCloneWatch({ limits: DEFAULT_LIMITS, now: () => nowMs });
    return times.map(([bootId, atMs]) => {
      nowMs = atMs;
      return clones.observe('key', bootId);
    });
  };

  it('finds three swaps within a minute', () => {
    expect(
      watch([
        ['a', 0],
        ['b', 1],
        ['a', 2],
        ['b', 3],
        ['a', 4],
      ]),
    ).to.deep.equal(['fine', 'fine', 'fine', 'found', 'held']);
  });

  it('leaves reconnects, reboots and slow swaps alone', () => {
    expect(
      watch([
        ['a', 0],
        ['a', 1],
        ['a', 2],
        ['a', 3],
        ['a', 4],
      ]),
    ).not.to.include('found');
    expect(
      watch([
        ['a', 0],
        ['b', 1],
        ['c', 2],
        ['d', 3],
        ['e', 4],
      ]),
    ).not.to.include('found');
    expect(
      watch([
        ['a', 0],
        ['b', 1],
        ['a', 50_000],
        ['b', 70_000],
      ]),
    ).not.to.include('found');
  });
});

describe('server/admission', () => {
  const LIMITS = { ...DEFAULT_LIMITS, pendingSockets: 6, pendingPerAddress: 4, reservedForReturning: 2 };

  it('evicts the oldest of the busiest address when full', () => {
    const evicted: string[] = [];
    const admission = createAdmission({ limits: LIMITS, now: () => 0 });
    for (const [label, address] of [
      ['quiet', '192.0.2.1'],
      ['busy1', '192.0.2.9'],
      ['busy2', '192.0.2.9'],
      ['other', '192.0.2.2'],
      ['new', '192.0.2.3'],
    ] as const) {
      admission.enter(address, () => evicted.push(label));
    }
    expect(evicted).to.deep.equal(['busy1']);
  });

  it('keeps slots for addresses that held a session before', () => {
    const evicted: string[] = [];
    const admission = createAdmission({ limits: LIMITS, now: () => 0 });
    admission.enter('198.51.100.7', () => {})?.confirmed();
    admission.enter('198.51.100.7', () => evicted.push('returning'));
    for (let index = 0; index < 50; index += 1) admission.enter(`203.0.113.${index}`, () => evicted.push('stranger'));
    expect(evicted).not.to.include('returning');
    expect(evicted).to.have.lengthOf(46);
  });

  it('lets those finish that have begun when more backends come back at once than there are places', () => {
    const evicted: string[] = [];
    const known = Array.from({ length: 7 }, (_, index) => `198.51.100.${index}`);
    const admission = createAdmission({ limits: LIMITS, now: () => 0, known });
    admission.enter('203.0.113.1', () => evicted.push('stranger'));
    const tickets = known.map((address) => admission.enter(address, () => evicted.push(address)));
    expect(tickets.map((ticket) => ticket !== null)).to.deep.equal([true, true, true, true, true, true, false]);
    expect(evicted).to.deep.equal(['stranger']);
    tickets[0]?.confirmed();
    expect(admission.enter(known[6] ?? '', () => {})).not.to.equal(null);
  });

  it('counts handshakes per second, in all and per stranger', () => {
    let nowMs = 0;
    const limits = { ...LIMITS, handshakesPerSecond: 6, handshakesForReturning: 2, handshakesPerSecondPerStranger: 2 };
    const admission = createAdmission({ limits, now: () => nowMs });
    const tries = (address: string, count: number): boolean[] =>
      Array.from({ length: count }, () => admission.mayHandshake(address));
    expect(tries('192.0.2.1', 3)).to.deep.equal([true, true, false]);
    admission.enter('192.0.2.2', () => {})?.confirmed();
    expect(tries('192.0.2.2', 5)).to.deep.equal([true, true, true, true, false]);
    nowMs = 1000;
    expect(tries('192.0.2.1', 1)).to.deep.equal([true]);
  });

  it('leaves handshakes for addresses that held a session, also before this start, however many strangers come', () => {
    const limits = { ...LIMITS, handshakesPerSecond: 6, handshakesForReturning: 2, handshakesPerSecondPerStranger: 2 };
    const admission = createAdmission({ limits, now: () => 0, known: ['198.51.100.7', '2001:db8:1:2::9'] });
    const strangers = Array.from({ length: 50 }, (_, index) => admission.mayHandshake(`203.0.113.${index}`));
    expect(strangers.filter(Boolean)).to.have.lengthOf(4);
    expect(admission.mayHandshake('198.51.100.7')).to.equal(true);
    expect(admission.mayHandshake('2001:db8:1:2::77'), 'of the same /64').to.equal(true);
    expect(admission.mayHandshake('198.51.100.7')).to.equal(false);
  });

  it('takes so many strangers a second, in all and from one address, and any number of those who were here', () => {
    let nowMs = 0;
    const limits = { ...LIMITS, strangersPerSecond: 5, strangersPerSecondPerAddress: 2 };
    const admission = createAdmission({ limits, now: () => nowMs, known: ['198.51.100.7'] });
    const taken = (address: string, count: number): number =>
      Array.from({ length: count }, () => admission.enter(address, () => {})).filter((ticket) => ticket !== null)
        .length;
    expect(taken('192.0.2.1', 10)).to.equal(2);
    expect(taken('192.0.2.2', 1) + taken('192.0.2.3', 10) + taken('192.0.2.4', 10)).to.equal(3);
    expect(taken('198.51.100.7', 20)).to.equal(20);
    nowMs = 1000;
    expect(taken('192.0.2.1', 10)).to.equal(2);
  });

  it('takes an IPv6 /64 for one source', () => {
    expect(addressGroup('192.0.2.1')).to.equal('192.0.2.1');
    expect(addressGroup('2001:db8:1:2:3:4:5:6')).to.equal('2001:db8:1:2/64');
    expect(addressGroup('2001:db8:1:2::9')).to.equal('2001:db8:1:2/64');
    expect(addressGroup('2001:db8::9')).to.equal('2001:db8:0:0/64');
    expect(addressGroup('::1')).to.equal('0:0:0:0/64');
    expect(addressGroup('64:ff9b::192.0.2.1')).to.equal('64:ff9b:0:0/64');
  });
});
