/** Of what is wrong at a backend a relay hears what is about its own slot. */

import { createObservation } from '@homeward/agent/daemon/observation';
import type { RelayRecord } from '@homeward/agent/store/state';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { snapshotOf } from '../kernel/snapshots.js';
import { accepted, externalOffer, relay } from '../store/backend-states.js';
import { OPEN, sessionDeps } from './session-deps.js';

const EXTERNAL = { offer: externalOffer('10.8.0.1', null), endpointHost: '198.51.100.1' };
const first = relay(1, 'A', { accepted: accepted() });
const second = relay(2, 'B', { accepted: EXTERNAL, device: { name: 'tun0', gateway: null } });

/** Everything that can differ of both slots, as plan lines. */
const OF_FIRST = [
  '+ link hw1 wireguard mtu 1420 up',
  '+ fou port 7701',
  '+ sysctl net/ipv4/conf/hw1/rp_filter 2',
  '+ route default table 7701 dev hw1',
  '+ rule pref 4001 iif hw1 goto 5100',
  '+ element homeward_backend tunnels { hw1 }',
];
const OF_SECOND = [
  '~ sysctl net/ipv4/conf/tun0/rp_filter 2 (is: 1)',
  '+ fou port 7702',
  '+ route default table 7702 via 10.8.0.1 dev tun0',
  '+ rule pref 4302 fwmark 0x2000000/0xff000000 lookup 7702',
  '+ element homeward_backend tunnel-addresses4 { tun0 . 10.8.0.2 }',
];
const OF_BOTH = ['+ table inet homeward_backend skeleton abc', '+ rule pref 5100 nop'];

describe('daemon/observation', () => {
  const driftOf = async (own: RelayRecord) => {
    const machine = { snapshot: snapshotOf({ lo: ['127.0.0.1/8'] }, []), policy: OPEN, refuses: null };
    const deps = await sessionDeps(machine, [first, second]);
    const observation = createObservation({
      ...deps,
      ...{ controllerKey: own.controllerKey, record: () => own, refused: () => [] },
    });
    return observation.ownDrift([...OF_FIRST, ...OF_SECOND, ...OF_BOTH]);
  };

  it('tells a relay of its own slot and of what all share, whatever kind of tunnel the others have', async () => {
    expect(await driftOf(first)).to.deep.equal([...OF_FIRST, ...OF_BOTH]);
    expect(await driftOf(second)).to.deep.equal([...OF_SECOND, ...OF_BOTH]);
  });
});
