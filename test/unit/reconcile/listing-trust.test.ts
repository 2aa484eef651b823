/** Whose words a listing is after a load. */

import { createListingTrust } from '@homeward/shared/reconcile/listing-trust';
import { expect } from 'chai';
import { describe, it } from 'mocha';

const loaded = (fingerprint: string, digest: string) => ({ fingerprint, digest });

describe('reconcile/listing-trust', () => {
  it('takes the first listing of a text, and the same one again', () => {
    const trust = createListingTrust();
    expect(trust.accepts('t', loaded('text', 'a'), undefined)).to.equal(true);
    expect(trust.accepts('t', loaded('text', 'a'), loaded('text', 'a'))).to.equal(true);
    expect(trust.accepts('t', loaded('another text', 'b'), loaded('text', 'a'))).to.equal(true);
  });

  it('doubts another listing of the same text, until it comes a third time in a row', () => {
    const trust = createListingTrust();
    const known = loaded('text', 'a');
    const answers = ['b', 'b', 'c', 'b', 'b', 'b'].map((digest) => trust.accepts('t', loaded('text', digest), known));
    expect(answers).to.deep.equal([false, false, false, false, false, true]);
    expect(trust.accepts('t', loaded('text', 'c'), loaded('text', 'b'))).to.equal(false);
  });

  it('keeps the doubts of tables apart', () => {
    const trust = createListingTrust();
    for (const table of ['one', 'two', 'one', 'two']) {
      expect(trust.accepts(table, loaded('text', 'b'), loaded('text', 'a'))).to.equal(false);
    }
    expect(trust.accepts('one', loaded('text', 'b'), loaded('text', 'a'))).to.equal(true);
  });
});
