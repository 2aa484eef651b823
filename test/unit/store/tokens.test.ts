/** Enroll tokens: one use, one answer for every reason of refusal, and the same answer again for the same key. */

import { removePairing } from '@homeward/controller/store/pairings';
import type { RelayState } from '@homeward/controller/store/state';
import { addToken, enroll } from '@homeward/controller/store/tokens';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { NOW, pairing, relayState, SECRET, tokenFor } from './relay-states.js';

const waiting = addToken(relayState([pairing('home', 1)]), tokenFor('home'));
const request = (agentKey: string, tokenId = 'token-1', secret = SECRET) => ({
  tokenId,
  secret,
  agentKey,
  from: '203.0.113.5',
});
const enrolled = (state: RelayState, agentKey: string) => enroll(state, request(agentKey), NOW).state;
const later = (milliseconds: number) => new Date(NOW.getTime() + milliseconds);

describe('store/tokens', () => {
  it('binds the key to its backend and burns the token in one change', () => {
    const { state, result } = enroll(waiting, request('KEY'), NOW);
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
    const again = enroll(state, request('KEY'), later(7_200_000));
    expect(again).to.deep.equal({ state, result: { name: 'home' } });
    expect(again.state).to.equal(state);
  });

  it('is good until the moment it expires', () => {
    expect(enroll(waiting, request('KEY'), later(3_599_999)).result).to.deep.equal({ name: 'home' });
    expect(enroll(waiting, request('KEY'), later(3_600_000)).result).to.equal(null);
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
      const refused = enroll(state, asked, now);
      expect(refused.result).to.equal(null);
      expect(refused.state).to.equal(state);
      expect(state).to.deep.equal(before);
    });
  }

  it('does not let a removed backend back in with the token it had used', () => {
    const state = removePairing(enrolled(waiting, 'KEY'), 'home', NOW.toISOString());
    expect(state.revoked).to.deep.equal([{ agentKey: 'KEY', name: 'home', at: NOW.toISOString() }]);
    expect(enroll(state, request('KEY'), NOW).result).to.equal(null);
    const anew = { ...state, pairings: [pairing('home', 1)] };
    expect(enroll(anew, request('KEY'), NOW).result).to.equal(null);
  });

  it('lets it back in with a new token, and no longer counts it as revoked', () => {
    const gone = removePairing(enrolled(waiting, 'KEY'), 'home', NOW.toISOString());
    const anew = addToken({ ...gone, pairings: [pairing('home', 1)] }, tokenFor('home', 'token-2'));
    const { state, result } = enroll(anew, request('KEY', 'token-2'), NOW);
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
