/** What a new session shows of its backend: its WireGuard key, and where it is. */

import { withSessionFacts } from '@homeward/controller/daemon/session-facts';
import type { Pairing } from '@homeward/controller/store/state';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { helloOf } from '../server/rig.js';
import { paired, relayState, throughGre } from '../store/relay-states.js';

const session = (agentKey: string, remoteAddress: string, localAddress = '198.51.100.1', key = 'WG-home') => ({
  ...{ agentKey, remoteAddress, localAddress },
  hello: helloOf('boot', { wireguardPublicKey: key }),
});
const home = paired('home', 1, ['443/tcp']);
const stateAfter = (pairing: Pairing, shown: ReturnType<typeof session>) =>
  withSessionFacts(relayState([pairing]), shown).pairings[0];

describe('daemon/session-facts', () => {
  it('are where the backend is, by either family, and its key', () => {
    expect(stateAfter({ ...home, wireguardPublicKey: null }, session('KEY-home', '203.0.113.9'))).to.deep.equal({
      ...home,
      outer: { local: '198.51.100.1', remote: '203.0.113.9', port: null },
    });
    expect(stateAfter(home, session('KEY-home', '2001:db8:1::9', '2001:db8::1'))?.outer).to.deep.equal({
      ...{ local: '2001:db8::1', remote: '2001:db8:1::9', port: null },
    });
    expect(stateAfter(home, session('KEY-home', '203.0.113.9', '198.51.100.1', 'NEW'))?.wireguardPublicKey).to.equal(
      'NEW',
    );
  });

  it('change nothing where they were known, the port of its packets included', () => {
    const state = relayState([throughGre(home, { udp: true, key: 1 }, 40_000)]);
    expect(withSessionFacts(state, session('KEY-home', '203.0.113.9'))).to.equal(state);
  });

  it('forget the port where the backend is elsewhere, or comes to another address of this relay', () => {
    const known = throughGre(home, { udp: true, key: 1 }, 40_000);
    for (const shown of [session('KEY-home', '203.0.113.7'), session('KEY-home', '203.0.113.9', '198.51.100.2')]) {
      expect(stateAfter(known, shown)?.outer?.port).to.equal(null);
    }
  });

  it('keep what was known of an address that is none', () => {
    const known = throughGre(home);
    for (const shown of [session('KEY-home', 'fe80::1%eth0'), session('KEY-home', '203.0.113.7', '')]) {
      expect(stateAfter(known, shown)?.outer).to.deep.equal(known.outer);
    }
  });

  it('are nothing of a session whose pairing is gone', () => {
    const state = relayState([home]);
    expect(withSessionFacts(state, session('KEY-nas', '203.0.113.9'))).to.equal(state);
  });
});
