/** What is said of a forward by whose address nobody can come in. */

import { missingAddress } from '@homeward/controller/forwards/entrance';
import { parseIp } from '@homeward/shared/net/address';
import { parseForward } from '@homeward/shared/net/forward-spec';
import { expect } from 'chai';
import { describe, it } from 'mocha';

const own = ['10.0.0.4', '10.0.0.5', '2001:db8::1'].map(parseIp);
const missing = (spec: string, addresses = own) => missingAddress(parseForward(spec), addresses);

describe('forwards/entrance', () => {
  it('says nothing of a forward without an address, or with one that is there', () => {
    for (const spec of ['80/tcp', 'all', '10.0.0.5:80/tcp', '[2001:db8::1]:80/tcp'])
      expect(missing(spec)).to.equal(null);
  });

  it('names the address that is missing, and those of its family that a cloud may map it to', () => {
    expect(missing('198.51.100.1:443/tcp')).to.equal(
      'this relay has no address 198.51.100.1 at present, only 10.0.0.4, 10.0.0.5; where a cloud maps a public address to one of these, name that one, or none',
    );
    expect(missing('[2001:db8::2]:443/tcp')).to.match(/no address 2001:db8::2 at present, only 2001:db8::1;/);
  });

  it('gives no advice where there is no other address of the family', () => {
    expect(missing('[2001:db8::2]:443/tcp', [parseIp('10.0.0.4')])).to.equal(
      'this relay has no address 2001:db8::2 at present',
    );
  });
});
