/** Enroll tokens: one use, one answer for every reason of refusal, and the same answer again for the same key. */

import { removePairing, renamePairing } from '@homeward/controller/store/pairings';
import { type RelayState, stateSchema } from '@homeward/controller/store/state';
import {
  addToken,
  enroll,
  revokeToken,
  tokenCondition,
  tokenSubject,
  tokenWithId,
} from '@homeward/controller/store/tokens';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { thrownBy } from '../errors/thrown.js';
import { NOW, pairing, prefixTokenFor, relayState, SECRET, tokenFor } from './relay-states.js';

const waiting = addToken(relayState([pairing('home', 1)]), tokenFor('home'));
const request = (agentKey: string, tokenId = 'token-1', secret = SECRET) => ({
  tokenId,
  secret,
  agentKey,
  from: '203.0.113.5',
});
const enrolled = (state: RelayState, agentKey: string) => enroll(state, request(agentKey), NOW, 'NEW').state;
const later = (milliseconds: number) => new Date(NOW.getTime() + milliseconds);

describe('store/tokens', () => {
  it('binds the key to its backend and burns the token in one change', () => {
    const { state, result } = enroll(waiting, request('KEY'), NOW, 'NEW');
    expect(result).to.deep.equal({ name: 'home' });
    expect(state.pairings[0]).to.include({ name: 'home', agentKey: 'KEY' });
    expect(state.tokens[0]).to.deep.include({
      usesLeft: 0,
      usedBy: [{ agentKey: 'KEY', at: NOW.toISOString(), from: '203.0.113.5' }],
    });
    expect(waiting.pairings[0]?.agentKey).to.equal(null);
  });

  it('gives the same key the same answer again, also when the token has expired since', () => {
    const state = enrolled(waiting, 'KEY');
    const again = enroll(state, request('KEY'), later(7_200_000), 'NEW');
    expect(again).to.deep.equal({ state, result: { name: 'home' } });
    expect(again.state).to.equal(state);
  });

  it('is good until the moment it expires', () => {
    expect(enroll(waiting, request('KEY'), later(3_599_999), 'NEW').result).to.deep.equal({ name: 'home' });
    expect(enroll(waiting, request('KEY'), later(3_600_000), 'NEW').result).to.equal(null);
  });

  const other = relayState([pairing('home', 1), pairing('nas', 2, { agentKey: 'KEY' })]);
  const REFUSED: Readonly<Record<string, readonly [RelayState, ReturnType<typeof request>, Date]>> = {
    'a token that is expired': [waiting, request('KEY'), later(3_600_001)],
    'a token that another key used': [enrolled(waiting, 'FIRST'), request('KEY'), NOW],
    'a token nobody made': [waiting, request('KEY', 'token-2'), NOW],
    'a wrong secret': [waiting, request('KEY', 'token-1', new Uint8Array(32)), NOW],
    'a secret of another length': [waiting, request('KEY', 'token-1', new Uint8Array(0)), NOW],
    'a wrong secret of the key that enrolled': [
      enrolled(waiting, 'KEY'),
      request('KEY', 'token-1', new Uint8Array(32)),
      NOW,
    ],
    'a key that is bound to another backend': [addToken(other, tokenFor('home')), request('KEY'), NOW],
    'a backend that has a key already': [
      addToken(relayState([pairing('home', 1, { agentKey: 'FIRST' })]), tokenFor('home')),
      request('KEY'),
      NOW,
    ],
    'a backend that was removed': [removePairing(waiting, 'home', NOW.toISOString()), request('KEY'), NOW],
    'a backend that is gone while its token is not': [{ ...waiting, pairings: [] }, request('KEY'), NOW],
    'a token of before another was made': [addToken(waiting, tokenFor('home', 'token-9')), request('KEY'), NOW],
  };
  for (const [what, [state, asked, now]] of Object.entries(REFUSED)) {
    it(`refuses ${what}, as everything else, and changes nothing`, () => {
      const before = structuredClone(state);
      const refused = enroll(state, asked, now, 'NEW');
      expect(refused.result).to.equal(null);
      expect(refused.state).to.equal(state);
      expect(state).to.deep.equal(before);
    });
  }

  it('does not let a removed backend back in with the token it had used', () => {
    const state = removePairing(enrolled(waiting, 'KEY'), 'home', NOW.toISOString());
    expect(state.revoked).to.deep.equal([{ agentKey: 'KEY', name: 'home', at: NOW.toISOString() }]);
    expect(enroll(state, request('KEY'), NOW, 'NEW').result).to.equal(null);
    const anew = { ...state, pairings: [pairing('home', 1)] };
    expect(enroll(anew, request('KEY'), NOW, 'NEW').result).to.equal(null);
  });

  it('lets it back in with a new token, and no longer counts it as revoked', () => {
    const gone = removePairing(enrolled(waiting, 'KEY'), 'home', NOW.toISOString());
    const anew = addToken({ ...gone, pairings: [pairing('home', 1)] }, tokenFor('home', 'token-2'));
    const { state, result } = enroll(anew, request('KEY', 'token-2'), NOW, 'NEW');
    expect(result).to.deep.equal({ name: 'home' });
    expect(state.revoked).to.deep.equal([]);
  });

  it('keeps the tokens of other backends when one is made', () => {
    const state = addToken(addToken(waiting, tokenFor('nas', 'token-2')), tokenFor('home', 'token-3'));
    expect(state.tokens.map(({ id }) => id)).to.deep.equal(['token-2', 'token-3']);
  });

  it('stores no secret', () => {
    expect(JSON.stringify(waiting)).to.not.include(Buffer.from(SECRET).toString('base64').slice(0, 20));
    expect(JSON.stringify(waiting)).to.not.include(Buffer.from(SECRET).toString('hex').slice(0, 20));
  });
});

describe('store/tokens with a prefix', () => {
  const web = addToken(relayState(), prefixTokenFor('web', 3));
  const three = ['A', 'B', 'C'].reduce(enrolled, web);

  it('gives each backend a name and a pairing of its own, in the change that burns it', () => {
    const { state, result } = enroll(web, request('A'), NOW, 'A-SHARED');
    expect(result).to.deep.equal({ name: 'web-1' });
    expect(state.pairings).to.deep.equal([pairing('web-1', 1, { agentKey: 'A', presharedKey: 'A-SHARED' })]);
    expect(state.tokens[0]).to.include({ usesLeft: 2 });
    expect(three.pairings.map(({ name, agentKey }) => `${name} ${agentKey}`)).to.deep.equal([
      'web-1 A',
      'web-2 B',
      'web-3 C',
    ]);
  });

  it('takes the lowest number that is free, around names that others have', () => {
    const state = addToken(relayState([pairing('web-1', 1), pairing('web-3', 2)]), prefixTokenFor('web', 3));
    const names = ['A', 'B'].reduce(enrolled, state).pairings.map(({ name, index }) => `${name} ${index}`);
    expect(names).to.deep.equal(['web-1 1', 'web-3 2', 'web-2 3', 'web-4 4']);
  });

  it('refuses whoever comes after the last use, and gives those who came the same answer again', () => {
    const fourth = enroll(three, request('D'), NOW, 'NEW');
    expect(fourth).to.deep.equal({ state: three, result: null });
    const again = enroll(three, request('B'), later(7_200_000), 'NEW');
    expect(again).to.deep.equal({ state: three, result: { name: 'web-2' } });
  });

  it('answers with the name a backend has by now', () => {
    const renamed = renamePairing(three, 'web-2', 'shop');
    expect(enroll(renamed, request('B'), NOW, 'NEW').result).to.deep.equal({ name: 'shop' });
  });

  it('does not bring back an unpaired backend, neither by the token it used nor by another one', () => {
    const gone = removePairing(enrolled(web, 'A'), 'web-1', NOW.toISOString());
    expect(gone.tokens[0]).to.include({ usesLeft: 2 });
    expect(enroll(gone, request('A'), NOW, 'NEW')).to.deep.equal({ state: gone, result: null });
    const other = addToken(gone, prefixTokenFor('db', 2, 'token-2'));
    expect(enroll(other, request('A', 'token-2'), NOW, 'NEW').result).to.equal(null);
    expect(enroll(gone, request('B'), NOW, 'NEW').result).to.deep.equal({ name: 'web-1' });
  });

  it('says so when the pool has no place for another backend', () => {
    const pairings = Array.from({ length: 13 }, (_, index) => pairing(`b-${index}`, index + 1));
    const full = addToken(relayState(pairings, { pool: '10.77.16.0/28' }), prefixTokenFor('web', 3));
    expect(thrownBy(() => enrolled(full, 'A')).code).to.equal('conflict');
  });
});

describe('store/tokens after they were made', () => {
  const several = ['abc-1', 'abd-2'].reduce(
    (state, id) => addToken(state, prefixTokenFor('web', 2, id)),
    addToken(relayState([pairing('home', 1)]), tokenFor('home', 'xyz')),
  );

  it('are found by the beginning of their id', () => {
    expect(tokenWithId(several, 'abc').id).to.equal('abc-1');
    expect(tokenWithId(several, 'x').id).to.equal('xyz');
  });

  it('are listed where the beginning fits several, or none', () => {
    const ambiguous = thrownBy(() => tokenWithId(several, 'ab'));
    expect(ambiguous).to.include({ code: 'bad-input', hint: 'which one? abc-1 (web-*), abd-2 (web-*)' });
    for (const unknown of ['q', '', 'abc-11']) {
      const error = thrownBy(() => tokenWithId(several, unknown));
      expect(error).to.include({ code: 'not-found', hint: 'there are: xyz (home), abc-1 (web-*), abd-2 (web-*)' });
    }
    expect(thrownBy(() => tokenWithId(relayState(), 'q')).hint).to.include('controller token create');
    const many = Array.from({ length: 9 }, (_, index) => prefixTokenFor('web', 1, `id-${index}`));
    expect(thrownBy(() => tokenWithId(many.reduce(addToken, relayState()), 'id')).hint).to.match(/id-7 \(web-\*\), …$/);
  });

  it('let nobody in once revoked, and leave those alone who came before', () => {
    const revoked = revokeToken(enrolled(several, 'KEY'), 'xyz', NOW);
    const used = ['A'].reduce((state, key) => enroll(state, request(key, 'abc-1'), NOW, 'NEW').state, revoked);
    const both = revokeToken(used, 'abc-1', NOW);
    expect(enroll(both, request('B', 'abc-1'), NOW, 'NEW').result).to.equal(null);
    expect(enroll(both, request('A', 'abc-1'), NOW, 'NEW').result).to.deep.equal({ name: 'web-1' });
    expect(both.pairings).to.equal(used.pairings);
    expect(revokeToken(both, 'abc-1', later(1000))).to.equal(both);
  });

  it('are in one condition at a time', () => {
    const [token] = waiting.tokens;
    if (token === undefined) throw new Error('no token');
    expect(tokenCondition(token, NOW)).to.equal('valid');
    expect(tokenCondition(token, later(3_600_000))).to.equal('expired');
    expect(tokenCondition({ ...token, usesLeft: 0 }, later(3_600_000))).to.equal('used-up');
    expect(tokenCondition({ ...token, usesLeft: 0, revokedAt: NOW.toISOString() }, NOW)).to.equal('revoked');
  });

  it('say whom they are for', () => {
    expect(several.tokens.map(tokenSubject)).to.deep.equal(['home', 'web-*', 'web-*']);
  });

  it('are forgotten a week after they expired or were revoked, when another one is made', () => {
    const week = 7 * 86_400_000;
    const madeAt = (state: RelayState, after: number) =>
      addToken(state, { ...prefixTokenFor('new', 1, 'new'), createdAt: later(after).toISOString() }).tokens.map(
        ({ id }) => id,
      );
    const revoked = revokeToken(several, 'abc-1', NOW);
    expect(madeAt(revoked, week - 1)).to.deep.equal(['xyz', 'abc-1', 'abd-2', 'new']);
    expect(madeAt(revoked, week)).to.deep.equal(['xyz', 'abd-2', 'new']);
    expect(madeAt(revoked, week + 3_600_000)).to.deep.equal(['new']);
  });

  it('are read from a state of before there were prefixes', () => {
    const { namePrefix, revokedAt, ...old } = waiting.tokens[0] ?? {};
    expect([namePrefix, revokedAt]).to.deep.equal([null, null]);
    expect(stateSchema.parse({ ...stateSchema.encode(waiting), tokens: [old] })).to.deep.equal(waiting);
  });
});
