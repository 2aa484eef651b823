/** What `token create` may be asked for, and what it says otherwise. */

import { checkTokenRequest, type TokenRequest } from '@homeward/controller/operations/token-request';
import { freeBackendName } from '@homeward/controller/store/pairings';
import { BACKEND_NAME_PATTERN } from '@homeward/shared/net/names';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { thrownBy } from '../errors/thrown.js';
import { pairing, relayState } from '../store/relay-states.js';

const request = (more: Partial<TokenRequest>): TokenRequest => ({
  name: null,
  namePrefix: null,
  uses: 1,
  expiresMs: 1000,
  ...more,
});
const longest = 'a'.repeat(23);

describe('operations/token-request', () => {
  for (const good of [{ name: 'home' }, { namePrefix: 'web' }, { namePrefix: longest, uses: 4_093 }]) {
    it(`takes ${JSON.stringify(good)}`, () => checkTokenRequest(request(good)));
  }

  const REFUSED: Readonly<Record<string, readonly [Partial<TokenRequest>, RegExp, RegExp]>> = {
    'neither name nor prefix': [{}, /name or a prefix/, /token create home.*--name-prefix web --uses 3/],
    'both of them': [{ name: 'home', namePrefix: 'web' }, /not both/, /leave out "home"/],
    'several uses of one name': [{ name: 'home', uses: 3 }, /works once/, /--name-prefix home --uses 3/],
    'a name that is none': [{ name: '../x' }, /not a backend name/, /lower case/],
    'no use at all': [{ name: 'home', uses: 0 }, /1 to 4093/, /--uses 3/],
    'more uses than there are places': [{ namePrefix: 'web', uses: 4_094 }, /1 to 4093/, /--uses 3/],
    'half a use': [{ namePrefix: 'web', uses: 1.5 }, /1 to 4093/, /--uses 3/],
    'a prefix with its dash': [{ namePrefix: 'web-' }, /no prefix/, /web gives web-1/],
    'a prefix in capitals': [{ namePrefix: 'Web' }, /no prefix/, /lower case/],
    'an empty prefix': [{ namePrefix: '' }, /no prefix/, /lower case/],
    'a prefix that is too long': [{ namePrefix: `${longest}a` }, /no prefix/, /up to 23/],
  };
  for (const [what, [asked, message, hint]] of Object.entries(REFUSED)) {
    it(`refuses ${what} and says what to type`, () => {
      const error = thrownBy(() => checkTokenRequest(request(asked)));
      expect(error.code).to.equal('bad-input');
      expect(error.message).to.match(message);
      expect(error.hint).to.match(hint);
    });
  }

  it('allows no prefix from which a name could become too long', () => {
    const largestPool = 2 ** 24;
    const name = freeBackendName(relayState([pairing(`${longest}-1`, 1)]), longest);
    expect(name).to.match(BACKEND_NAME_PATTERN);
    expect(`${longest}-${largestPool}`).to.match(BACKEND_NAME_PATTERN);
  });
});
