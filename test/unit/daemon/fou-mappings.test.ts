/** Following backends whose GRE comes in UDP: the port their packets come from becomes the tunnel's other end. */

import { createFouMappings } from '@homeward/controller/daemon/fou-mappings';
import type { Pairing, RelayState } from '@homeward/controller/store/state';
import { RelayError } from '@homeward/shared/errors/relay-error';
import type { Runner } from '@homeward/shared/host/runner';
import { openStore, type Store } from '@homeward/shared/host/store';
import { expect } from 'chai';
import { beforeEach, describe, it } from 'mocha';
import { pino } from 'pino';
import { paired, relayState, throughGre } from '../store/relay-states.js';

const IN_UDP = { udp: true, key: 4711 };
const home = throughGre(paired('home', 1, []), IN_UDP);

describe('daemon/fou-mappings', () => {
  /** By the set's name: address and port that packets came from. */
  let seen: Record<string, readonly [string, number]>;
  /** Ports that the store had when the kernel was brought up to it. */
  let broughtAbout: (number | null | undefined)[];
  let store: Store<RelayState>;

  beforeEach(() => {
    seen = {};
    broughtAbout = [];
  });

  const runner: Runner = {
    hasStarted: () => false,
    async run({ args }) {
      const name = args.at(-1) ?? '';
      const place = seen[name];
      if (place === undefined) throw new RelayError('command-failed', 'no such set');
      return JSON.stringify({
        nftables: [{ set: { name, elem: [{ elem: { val: { concat: place }, expires: 59 } }] } }],
      });
    },
  };
  async function mappingsOf(...pairings: readonly Pairing[]) {
    const first = relayState(pairings);
    store = await openStore<RelayState>({ read: async () => first, write: async () => undefined }, async () => first);
    const reconcile = async () => {
      broughtAbout.push(store.state().pairings[0]?.outer?.port);
    };
    return createFouMappings({ ...{ store, runner, reconcile }, logger: pino({ level: 'silent' }) });
  }
  const ports = () => store.state().pairings.map(({ outer }) => outer?.port);

  it('take the port that packets come from, and follow it when the NAT chooses another', async () => {
    const mappings = await mappingsOf(home);
    await mappings.look();
    expect([ports(), broughtAbout]).to.deep.equal([[null], []]);
    seen['mapping-1'] = ['203.0.113.9', 40_000];
    await mappings.look();
    await mappings.look();
    expect([ports(), broughtAbout]).to.deep.equal([[40_000], [40_000]]);
    seen['mapping-1'] = ['203.0.113.9', 41_000];
    await mappings.look();
    expect([ports(), broughtAbout]).to.deep.equal([[41_000], [40_000, 41_000]]);
  });

  it('keep what is known while nothing is seen: a quiet minute, or a flushed ruleset', async () => {
    const mappings = await mappingsOf(throughGre(home, IN_UDP, 40_000));
    await mappings.look();
    expect([ports(), broughtAbout]).to.deep.equal([[40_000], []]);
  });

  it("go by packets from the backend's own address only", async () => {
    const mappings = await mappingsOf(home);
    seen['mapping-1'] = ['203.0.113.66', 40_000];
    await mappings.look();
    expect([ports(), broughtAbout]).to.deep.equal([[null], []]);
  });

  it('look at no others: plain GRE, WireGuard, and who has not come yet', async () => {
    const mappings = await mappingsOf(throughGre(home), paired('nas', 2, []), {
      ...home,
      name: 'new',
      index: 3,
      outer: null,
    });
    for (const index of [1, 2, 3]) seen[`mapping-${index}`] = ['203.0.113.9', 40_000];
    await mappings.look();
    expect([ports(), broughtAbout]).to.deep.equal([[null, undefined, undefined], []]);
  });

  it('ends with the signal', async () => {
    const mappings = await mappingsOf(home);
    seen['mapping-1'] = ['203.0.113.9', 40_000];
    const stopper = new AbortController();
    const following = mappings.follow(stopper.signal);
    stopper.abort();
    await following;
    expect(ports()).to.deep.equal([40_000]);
  });
});
