/** What changes of both sides' states mean to the audit log, and that the caller is who did them. */

import { removeRelay, revokeRelay, withAccepted } from '@homeward/agent/store/relays';
import { stateChanges as backendChanges } from '@homeward/agent/store/state-changes';
import { removePairing, renamePairing, withForwards, withPairing } from '@homeward/controller/store/pairings';
import type { RelayState } from '@homeward/controller/store/state';
import { stateChanges } from '@homeward/controller/store/state-changes';
import { addToken, enroll, revokeToken } from '@homeward/controller/store/tokens';
import { withChangesSettled, withTunnelsBack } from '@homeward/controller/store/tunnel-changes';
import { auditedStore } from '@homeward/shared/audit/audited-store';
import type { AuditEntry } from '@homeward/shared/audit/record';
import { openStore } from '@homeward/shared/host/store';
import { parseForward } from '@homeward/shared/net/forward-spec';
import { fingerprint, generateKeyPair } from '@homeward/shared/session/keys';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { backendStateOf, relay } from '../store/backend-states.js';
import { NOW, pairing, relayState, SECRET, tokenFor } from '../store/relay-states.js';
import { recordedAudit } from './recorded.js';

const key = generateKeyPair().publicKey;
const text = ({ event, subject, address, details }: AuditEntry) =>
  [event, subject, address, JSON.stringify(details)].filter((part) => part !== undefined).join(' ');
const told = (before: RelayState, after: RelayState) => stateChanges(before, after).map(text);
const paired = relayState([pairing('home', 1, { agentKey: key, forwards: ['80/tcp', '81/tcp'].map(parseForward) })]);

describe("changes of the relay's state", () => {
  it('tell tokens, and who came by them from where', () => {
    const waiting = relayState([pairing('home', 1)]);
    const withToken = addToken(waiting, tokenFor('home'));
    expect(told(waiting, withToken)).to.deep.equal([
      `token-created home {"tokenId":"token-1","uses":1,"expiresAt":"${tokenFor('home').expiresAt}"}`,
    ]);
    const request = { tokenId: 'token-1', secret: SECRET, agentKey: key, from: '203.0.113.9' };
    const enrolled = enroll(withToken, request, NOW, 'PSK').state;
    expect(told(withToken, enrolled)).to.deep.equal([
      `enrolled home 203.0.113.9 {"tokenId":"token-1","key":"${fingerprint(key)}"}`,
    ]);
    expect(told(enrolled, revokeToken(enrolled, 'token-1', NOW))).to.deep.equal([
      'token-revoked home {"tokenId":"token-1"}',
    ]);
  });

  it('tell forwards that came and went, a new name, the end', () => {
    const other = withForwards(paired, 'home', [
      ...(paired.pairings[0]?.forwards.slice(1) ?? []),
      parseForward('82/udp'),
    ]);
    expect(told(paired, other)).to.deep.equal([
      'forwards-added home {"forwards":["82/udp"],"total":1}',
      'forwards-removed home {"forwards":["80/tcp"],"total":1}',
    ]);
    expect(told(paired, renamePairing(paired, 'home', 'attic'))).to.deep.equal(['renamed home {"to":"attic"}']);
    expect(told(paired, removePairing(paired, 'home', NOW.toISOString()))).to.deep.equal(['unpaired home {}']);
  });

  it('tell some of very many forwards', () => {
    const many = Array.from({ length: 10_000 }, (_, index) => parseForward(`${index + 1000}/tcp`));
    const [entry] = stateChanges(paired, withForwards(paired, 'home', many));
    expect(entry?.event === 'forwards-added' && [entry.details.forwards.length, entry.details.total]).to.deep.equal([
      32, 10_000,
    ]);
  });

  it('tell another tunnel, and whether it was kept or undone', () => {
    const [home] = paired.pairings;
    if (home === undefined) throw new Error('no pairing');
    const gre = { kind: 'gre', udp: false, key: null } as const;
    const trying = withPairing(paired, {
      ...home,
      tunnel: gre,
      fallback: { tunnel: home.tunnel, applied: home.applied, change: 'c', confirmMs: 30_000 },
    });
    expect(told(paired, trying)).to.deep.equal(['tunnel-changed home {"from":"wireguard","to":"gre"}']);
    expect(told(trying, withChangesSettled(trying, 'c'))).to.deep.equal(['tunnel-kept home {"tunnel":"gre"}']);
    expect(told(trying, withTunnelsBack(trying, 'c'))).to.deep.equal([
      'tunnel-rolled-back home {"from":"gre","to":"wireguard"}',
    ]);
    const back = withTunnelsBack(trying, 'c');
    expect(told(back, withChangesSettled(back, 'c'))).to.deep.equal([]);
  });

  it('of a session or a proof tell nothing', () => {
    const [home] = paired.pairings;
    if (home === undefined) throw new Error('no pairing');
    const after = withPairing(paired, { ...home, wireguardPublicKey: key, proof: { ok: true, at: NOW.toISOString() } });
    expect(told(paired, after)).to.deep.equal([]);
  });

  it('are recorded as the doing of whom the store acts for, once they are stored', async () => {
    const { log, records } = recordedAudit();
    const stored = await openStore({ read: async () => paired, write: async () => undefined }, async () => paired);
    const caller = { actor: 'local', uid: 0, pid: 7, loginUid: null } as const;
    const store = auditedStore(stored, log.by(Promise.resolve(caller)), stateChanges);
    await store.update((state) => ({ state: renamePairing(state, 'home', 'attic'), result: null }));
    await store.update((state) => ({ state, result: null }));
    const [record, ...rest] = await records();
    expect(rest).to.deep.equal([]);
    expect(record).to.deep.include({ event: 'renamed', subject: 'home', ...caller, outcome: 'ok' });
  });
});

describe("changes of the backend's state", () => {
  const own = relay(1, key);
  const state = backendStateOf(own);
  const changes = (after: typeof state) => backendChanges(state, after).map(text);

  it('tell enrollments and both ends of a pairing', () => {
    const details = `{"tokenId":"${own.tokenId}","key":"${fingerprint(key)}"}`;
    expect(backendChanges(backendStateOf(), state).map(text)).to.deep.equal([`enrolled ${own.name} ${details}`]);
    expect(changes(removeRelay(state, key))).to.deep.equal([`unpaired ${own.name} {}`]);
    const revoked = revokeRelay(state, key);
    expect(changes(revoked)).to.deep.equal([`unpaired ${own.name} {}`]);
    expect(backendChanges(revoked, removeRelay(revoked, key))).to.deep.equal([]);
  });

  it('tell the offers that the relay made and this backend took', () => {
    const tunnel = { kind: 'external', relayAddress: '10.8.0.1', relayAddress6: null } as const;
    const offer = { type: 'offer', revision: 7, tunnel, forwards: ['80/tcp'] } as const;
    const accepted = { offer: { ...offer, forwards: [...offer.forwards] }, endpointHost: '198.51.100.1' };
    expect(changes(withAccepted(state, key, accepted))).to.deep.equal([
      `offer-applied ${own.name} 198.51.100.1 {"revision":7,"tunnel":"external","forwards":["80/tcp"],"total":1}`,
    ]);
  });
});
