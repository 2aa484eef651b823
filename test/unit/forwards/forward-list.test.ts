/** A backend's list of forwards: merging, splitting, and refusing to remove what is not there. */

import { sameExceptTransports, withForward, withoutForward } from '@homeward/controller/forwards/forward-list';
import { formatForward, parseForward } from '@homeward/shared/net/forward-spec';
import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { thrownBy } from '../errors/thrown.js';
import { anyForward } from '../net/generators.js';

const add = (specs: readonly string[], spec: string) => withForward(specs, parseForward(spec));
const remove = (specs: readonly string[], spec: string) => withoutForward('home', specs, parseForward(spec));

describe('forwards/forward-list', () => {
  it('adds at the end, and the same twice only once', () => {
    expect(add(['443/tcp'], '80/tcp')).to.deep.equal(['443/tcp', '80/tcp']);
    expect(add(['443/tcp', '80/tcp'], '443=443/tcp')).to.deep.equal(['443/tcp', '80/tcp']);
  });

  it('merges the transports of one port', () => {
    expect(add(['53/tcp'], '53/udp')).to.deep.equal(['53/tcp+udp']);
    expect(add(['53/udp', '80/tcp'], '53/tcp')).to.deep.equal(['53/tcp+udp', '80/tcp']);
    expect(add(['53/tcp+udp'], '53/tcp')).to.deep.equal(['53/tcp+udp']);
  });

  it('merges nothing that goes elsewhere', () => {
    const specs = ['53/tcp', '198.51.100.1:53/tcp', '53=5353/tcp', '53=192.168.1.9/tcp', '53-54/tcp'];
    for (const spec of specs.slice(1)) {
      expect(add(['53/tcp'], spec.replace('tcp', 'udp'))).to.deep.equal(['53/tcp', spec.replace('tcp', 'udp')]);
    }
  });

  it('removes one transport and leaves the other', () => {
    expect(remove(['53/tcp+udp', '80/tcp'], '53/udp')).to.deep.equal(['53/tcp', '80/tcp']);
    expect(remove(['53/tcp+udp'], '53/tcp')).to.deep.equal(['53/udp']);
    expect(remove(['53/tcp+udp'], '53/tcp+udp')).to.deep.equal([]);
    expect(remove(['53/tcp'], '53/tcp+udp')).to.deep.equal([]);
  });

  it('says what there is when asked to remove something else', () => {
    expect(thrownBy(() => remove(['53/tcp', '80/tcp'], '443/tcp'))).to.include({
      code: 'not-found',
      message: 'backend "home" has no forward 443/tcp',
      hint: 'it has: 53/tcp 80/tcp',
    });
    expect(thrownBy(() => remove(['53/tcp'], '53/udp')).code).to.equal('not-found');
    expect(thrownBy(() => remove(['53=5353/tcp'], '53/tcp')).code).to.equal('not-found');
    expect(thrownBy(() => remove([], '53/tcp')).hint).to.equal('it has none');
  });

  it('is as before once what was added is removed again', () => {
    fc.assert(
      fc.property(anyForward(3), anyForward(3), (present, added) => {
        fc.pre(!sameExceptTransports(present, added));
        const before = [formatForward(present)];
        expect(withoutForward('home', withForward(before, added), added)).to.deep.equal(before);
      }),
    );
  });
});
