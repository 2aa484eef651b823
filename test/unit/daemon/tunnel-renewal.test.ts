/** Tunnels that have been silent for too long: by which address they begin anew, and how often. */

import { createTunnelRenewal } from '@homeward/agent/daemon/tunnel-renewal';
import type { BackendState } from '@homeward/agent/store/state';
import { openStore } from '@homeward/shared/host/store';
import type { ListedWireguard } from '@homeward/shared/kernel/wireguard';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { pino } from 'pino';
import { accepted, backendStateOf, relay } from '../store/backend-states.js';

const RESOLVED: Readonly<Record<string, readonly string[]>> = {
  'relay.example': ['198.51.100.1', '2001:db8:a::1'],
  '198.51.100.9': ['198.51.100.9'],
};

/** A listing of the relay's peer with that last handshake, in seconds since 1970. */
const listed = (latestHandshake: number): ReadonlyMap<string, ListedWireguard> => {
  const peer = { publicKey: 'R', endpoint: null, allowedIps: [], receivedBytes: 0, sentBytes: 0, keepaliveSeconds: 25 };
  return new Map([['hw1', { publicKey: 'B', listenPort: 1, peers: [{ ...peer, latestHandshake }] }]]);
};

describe('daemon/tunnel-renewal', () => {
  async function backend(spokenTo: string | null = null, endpointHost = '198.51.100.1') {
    const record = relay(1, 'R', {
      urls: ['ws://relay.example:7700', 'ws://198.51.100.9:7700'],
      accepted: { ...accepted(), endpointHost },
    });
    const first = backendStateOf(record);
    const store = await openStore<BackendState>(
      { read: async () => first, write: async () => undefined },
      async () => first,
    );
    const ran: string[] = [];
    let seconds = 0;
    const renewal = createTunnelRenewal({
      ...{ store, logger: pino({ level: 'silent' }) },
      spokenTo: () => spokenTo,
      steadyMs: () => seconds * 1000,
      resolve: async (host) => RESOLVED[host] ?? [],
      reconcile: async () => ran.push('reconcile'),
      renewWireguard: async (link) => void ran.push(`renew ${link}`),
    });
    /** A look at the same handshake so many seconds after the beginning. */
    const lookAt = async (second: number) => {
      seconds = second;
      await renewal.review({ wireguard: listed(1_800_000_000) });
    };
    const host = () => store.state().relays[0]?.accepted?.endpointHost;
    return { renewal, lookAt, host, ran, record: () => store.state().relays[0] ?? record };
  }

  it('are left alone as long as they shake hands', async () => {
    const { renewal, lookAt, ran } = await backend();
    for (const second of [0, 100, 180]) await lookAt(second);
    await renewal.review({ wireguard: listed(1_800_000_200) });
    await renewal.review({ wireguard: new Map() });
    expect(ran).to.deep.equal([]);
  });

  it('begin anew by the address at which the relay is spoken to', async () => {
    const { lookAt, host, ran } = await backend('198.51.100.9');
    for (const second of [0, 181]) await lookAt(second);
    expect(host()).to.equal('198.51.100.9');
    expect(ran).to.deep.equal(['reconcile', 'renew hw1']);
  });

  it('try the next of its addresses where it is not spoken to, each in its turn', async () => {
    const hosts = await Promise.all(
      ['198.51.100.1', '2001:db8:a::1', '198.51.100.9', '192.0.2.1'].map(async (endpointHost) => {
        const { lookAt, host } = await backend(null, endpointHost);
        for (const second of [0, 181]) await lookAt(second);
        return host();
      }),
    );
    expect(hosts).to.deep.equal(['2001:db8:a::1', '198.51.100.9', '198.51.100.1', '198.51.100.1']);
  });

  it('are not tried again at once', async () => {
    const { lookAt, ran } = await backend();
    for (const second of [0, 181, 183]) await lookAt(second);
    expect(ran.filter((line) => line === 'renew hw1')).to.have.lengthOf(1);
  });

  it("begin anew at the relay's word, whatever their age", async () => {
    const { renewal, ran, record } = await backend();
    await renewal.beginAnew(record());
    expect(ran).to.deep.equal(['reconcile', 'renew hw1']);
  });
});
