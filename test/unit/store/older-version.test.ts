/** What version 0.1.0 stored is read by this one: an upgrade loses no pairing, and leaves the kernel as it is. */

import { stateSchema as backendSchema } from '@homeward/agent/store/state';
import { stateSchema as relaySchema } from '@homeward/controller/store/state';
import { ledgerSchema } from '@homeward/shared/reconcile/ledger';
import { expect } from 'chai';
import { describe, it } from 'mocha';

const identity = { publicKey: 'ID', secretKey: 'SECRET' };

describe('store: files of version 0.1.0', () => {
  it('the relay', () => {
    const applied = { revision: 3, refused: [], device: 'hw1', implementation: 'kernel', ipv6: true, echoPort: 40_404 };
    const pairing = {
      ...{
        name: 'home',
        index: 1,
        tunnel: 'wireguard',
        agentKey: 'KEY',
        wireguardPublicKey: 'WG',
        presharedKey: 'PSK',
      },
      ...{ forwards: ['443/tcp'], revision: 3, applied, proof: { ok: true, at: '2026-01-01T00:00:00Z' } },
    };
    const [read] = relaySchema.parse({
      version: 1,
      identity,
      wireguard: { publicKey: 'WG', privateKey: 'PRIVATE', port: 51_820 },
      ...{ pool: '10.77.16.0/20', pool6: 'fd77:16::/64', pairings: [pairing], tokens: [], revoked: [] },
    }).pairings;
    expect(read).to.deep.include({ name: 'home', tunnel: { kind: 'wireguard' }, fallback: null, outer: null });
    expect(read?.forwards.map(({ spec }) => spec)).to.deep.equal(['443/tcp']);
    expect(read?.applied).to.deep.equal({ ...applied, addresses: null });
  });

  it('the backend', () => {
    const relay = {
      ...{ slot: 1, name: 'home', controllerKey: 'CK', tokenId: 't', urls: ['ws://relay:7700'] },
      ...{ wireguard: { publicKey: 'WG', privateKey: 'PRIVATE' }, accepted: null, revoked: false },
    };
    const [read] = backendSchema.parse({ version: 1, identity, echoPort: 40_404, relays: [relay] }).relays;
    expect(read).to.deep.equal({ ...relay, device: null, fallback: null });
  });

  it('what is known of the kernel', () => {
    const ledger = { version: 1, kernel: 'boot net:[1]', sysctls: {}, links: ['hw0'], tables: {} };
    expect(ledgerSchema.parse(ledger)).to.deep.equal({ ...ledger, fouPorts: [] });
  });
});
