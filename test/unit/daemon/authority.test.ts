/** Who comes in by a token, when several ask at the same moment. */

import { createAuthority } from '@homeward/controller/daemon/authority';
import { createChanges } from '@homeward/controller/daemon/changes';
import type { RelayState } from '@homeward/controller/store/state';
import { addToken } from '@homeward/controller/store/tokens';
import { openStore } from '@homeward/shared/host/store';
import { fingerprint } from '@homeward/shared/session/keys';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { pino } from 'pino';
import { recordedAudit } from '../audit/recorded.js';
import { NOW, pairing, prefixTokenFor, relayState, SECRET, tokenFor } from '../store/relay-states.js';

const far = new Date('2100-01-01T00:00:00.000Z').toISOString();
const single = addToken(relayState([pairing('home', 1)]), { ...tokenFor('home'), expiresAt: far });
const forThree = addToken(relayState(), { ...prefixTokenFor('web', 3), expiresAt: far });

/** A key for each letter. */
const keyOf = (letter: string) => Buffer.alloc(32, letter).toString('base64');

/** An authority over a store whose writes take a while, and what was written. */
async function authorityOver(first: RelayState) {
  const written: RelayState[] = [];
  const file = {
    read: async () => first,
    async write(state: RelayState) {
      await new Promise(setImmediate);
      written.push(state);
    },
  };
  const store = await openStore<RelayState>(file, async () => first);
  const audit = recordedAudit();
  const authority = createAuthority(
    store,
    createChanges(),
    audit.log.by({ actor: 'stranger' }),
    pino({ level: 'silent' }),
  );
  const ask = (name: string) =>
    authority.enroll({ tokenId: 'token-1', secret: SECRET, agentKey: keyOf(name), from: '203.0.113.5' });
  return { authority, store, written, ask, audit };
}

describe('daemon/authority', () => {
  it('lets exactly one of two in that race for a token', async () => {
    const { authority, written, ask } = await authorityOver(single);
    expect(await Promise.all([ask('A'), ask('B')])).to.deep.equal([{ name: 'home' }, null]);
    expect([authority.lookup(keyOf('A')).kind, authority.lookup(keyOf('B')).kind]).to.deep.equal(['known', 'unknown']);
    expect(written.length).to.equal(1);
  });

  it('gives everybody a name of their own by a prefix, until the uses are gone', async () => {
    const { ask, store } = await authorityOver(forThree);
    const answers = await Promise.all(['A', 'B', 'A', 'C', 'D'].map(ask));
    expect(answers.map((answer) => answer?.name ?? null)).to.deep.equal(['web-1', 'web-2', 'web-1', 'web-3', null]);
    const secrets = store.state().pairings.map(({ presharedKey }) => presharedKey);
    expect(new Set(secrets).size).to.equal(3);
    for (const secret of secrets) expect(Buffer.from(secret, 'base64').length).to.equal(32);
  });

  it('makes a pairing, binds its key and burns the token in one write', async () => {
    const { ask, written } = await authorityOver(forThree);
    await ask('A');
    expect(written.length).to.equal(1);
    expect(written[0]?.pairings.map(({ name, agentKey }) => `${name} ${agentKey}`)).to.deep.equal([
      `web-1 ${keyOf('A')}`,
    ]);
    expect(written[0]?.tokens[0]).to.deep.include({ usesLeft: 2 });
    expect(written[0]?.tokens[0]?.usedBy.map(({ agentKey, from }) => ({ agentKey, from }))).to.deep.equal([
      { agentKey: keyOf('A'), from: '203.0.113.5' },
    ]);
  });

  it('lets nobody in by a token of the past', async () => {
    const { ask } = await authorityOver(addToken(relayState([pairing('home', 1)]), tokenFor('home')));
    expect(NOW.getTime()).to.be.below(Date.now() - 3_600_000);
    expect(await ask('A')).to.equal(null);
  });

  it('tells its own operator why somebody was refused, and whom', async () => {
    const { ask, authority, audit } = await authorityOver(single);
    await ask('A');
    await ask('B');
    const other = { tokenId: 'other', secret: SECRET, agentKey: keyOf('C'), from: '203.0.113.9' };
    await authority.enroll(other);
    const told = (await audit.records()).map(({ event, address, reason, details }) => [
      event,
      address,
      reason,
      details,
    ]);
    expect(told).to.deep.equal([
      ['enroll-refused', '203.0.113.5', 'the token is used-up', { tokenId: 'token-1', key: fingerprint(keyOf('B')) }],
      ['enroll-refused', '203.0.113.9', 'there is no such token', { tokenId: 'other', key: fingerprint(keyOf('C')) }],
    ]);
  });
});
