/** Names of backends: free ones, and new ones for a backend that keeps everything else. */

import { freeBackendName, renamePairing } from '@homeward/controller/store/pairings';
import { addToken } from '@homeward/controller/store/tokens';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { thrownBy } from '../errors/thrown.js';
import { paired, pairing, prefixTokenFor, relayState, tokenFor } from './relay-states.js';

describe('store/pairings: names', () => {
  it('counts free names from 1 and fills gaps', () => {
    const state = relayState([pairing('web-1', 1), pairing('web-3', 2), pairing('web', 3)]);
    expect(freeBackendName(state, 'web')).to.equal('web-2');
    expect(freeBackendName(state, 'db')).to.equal('db-1');
  });

  it('renames a backend and changes nothing else of it', () => {
    const state = relayState([paired('home', 4, ['443/tcp']), pairing('nas', 2)]);
    const renamed = renamePairing(state, 'home', 'attic');
    expect(renamed.pairings).to.deep.equal([{ ...state.pairings[0], name: 'attic' }, state.pairings[1]]);
    expect(renamePairing(state, 'home', 'home')).to.equal(state);
  });

  it('takes the tokens that wait for a renamed backend along', () => {
    const waiting = addToken(relayState([pairing('home', 1)]), tokenFor('home'));
    const renamed = renamePairing(addToken(waiting, prefixTokenFor('home', 2, 'p')), 'home', 'attic');
    expect(renamed.tokens.map(({ id, name, namePrefix }) => ({ id, name, namePrefix }))).to.deep.equal([
      { id: 'token-1', name: 'attic', namePrefix: null },
      { id: 'p', name: null, namePrefix: 'home' },
    ]);
  });

  it('refuses a new name that is taken, and an old one that is not there', () => {
    const state = relayState([pairing('home', 1), pairing('nas', 2)]);
    expect(thrownBy(() => renamePairing(state, 'home', 'nas'))).to.include({
      code: 'conflict',
      message: 'there is a backend named "nas" already',
    });
    expect(thrownBy(() => renamePairing(state, 'attic', 'attic')).code).to.equal('not-found');
  });
});
