/** A backend's list of forwards: merging, splitting, and refusing to remove what is not there. */

import { withForwardsAdded, withForwardsRemoved } from '@homeward/controller/forwards/forward-list';
import { type Forward, parseForward, placeOf } from '@homeward/shared/net/forward-spec';
import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { thrownBy } from '../errors/thrown.js';
import { anyForward } from '../net/generators.js';

const specsOf = (forwards: readonly Forward[]) => forwards.map(({ spec }) => spec);
const add = (specs: readonly string[], ...added: readonly string[]) =>
  specsOf(withForwardsAdded(specs.map(parseForward), added.map(parseForward)));
const remove = (specs: readonly string[], ...removed: readonly string[]) =>
  specsOf(withForwardsRemoved('home', specs.map(parseForward), removed.map(parseForward)));

describe('forwards/forward-list', () => {
  it('adds at the end, and the same twice only once', () => {
    expect(add(['443/tcp'], '80/tcp')).to.deep.equal(['443/tcp', '80/tcp']);
    expect(add(['443/tcp', '80/tcp'], '443=443/tcp')).to.deep.equal(['443/tcp', '80/tcp']);
    expect(add(['443/tcp'], '80/tcp', '81/tcp', '80/tcp')).to.deep.equal(['443/tcp', '80/tcp', '81/tcp']);
  });

  it('has one `all` of an address: the newest, whatever its exceptions, which goes as a whole', () => {
    expect(add(['443/tcp', 'all'], 'all-except-25/tcp')).to.deep.equal(['443/tcp', 'all-except-25/tcp']);
    expect(add(['all'], '198.51.100.1:all', 'all')).to.deep.equal(['all', '198.51.100.1:all']);
    expect(remove(['443/tcp', 'all-except-25/tcp', '198.51.100.1:all'], 'all')).to.deep.equal([
      '443/tcp',
      '198.51.100.1:all',
    ]);
    expect(thrownBy(() => remove(['all'], '443/tcp')).hint).to.equal('it has: all');
  });

  it('merges the transports of one port', () => {
    expect(add(['53/tcp'], '53/udp')).to.deep.equal(['53/tcp+udp']);
    expect(add(['53/udp', '80/tcp'], '53/tcp')).to.deep.equal(['53/tcp+udp', '80/tcp']);
    expect(add(['53/tcp+udp'], '53/tcp')).to.deep.equal(['53/tcp+udp']);
    expect(add([], '53/tcp', '53/udp')).to.deep.equal(['53/tcp+udp']);
  });

  it('merges nothing that goes elsewhere', () => {
    const specs = [
      '53/tcp',
      '198.51.100.1:53/tcp',
      '53=5353/tcp',
      '53=192.168.1.9/tcp',
      '53-54/tcp',
      '[2001:db8::1]:53/tcp',
      '53=[fd00::9]/tcp',
    ];
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

  it('gives the very same list where nothing is new, so that nothing is stored', () => {
    const present = ['53/tcp+udp', '80/tcp'].map(parseForward);
    expect(withForwardsAdded(present, ['53/udp', '80=80/tcp'].map(parseForward))).to.equal(present);
    expect(withForwardsAdded(present, [])).to.equal(present);
    expect(withForwardsAdded(present, [parseForward('80/udp')])).to.not.equal(present);
  });

  it('removes several at once, or says which of them is not there', () => {
    expect(remove(['53/tcp+udp', '80/tcp', '443/tcp'], '443/tcp', '53/udp')).to.deep.equal(['53/tcp', '80/tcp']);
    expect(thrownBy(() => remove(['53/tcp', '80/tcp'], '80/tcp', '443/tcp')).message).to.include('no forward 443/tcp');
    expect(thrownBy(() => remove(['53/tcp'], '53/tcp', '53/tcp')).hint).to.equal('it has none');
  });

  it('says of a part of a range that the range goes as a whole', () => {
    expect(thrownBy(() => remove(['1024-65535/udp', '443/tcp'], '5000/udp')).hint).to.equal(
      'it is part of 1024-65535/udp, which goes as a whole: controller forward remove home 1024-65535/udp',
    );
    expect(thrownBy(() => remove(['5000-5999/udp'], '5990-6010/udp')).hint).to.equal('it has: 5000-5999/udp');
    expect(thrownBy(() => remove(['5000-5999/udp'], '5000/tcp')).hint).to.equal('it has: 5000-5999/udp');
  });

  it('counts what it does not list of many', () => {
    const many = Array.from({ length: 30 }, (_, index) => `${index + 1}/tcp`);
    expect(thrownBy(() => remove(many, '443/tcp')).hint).to.match(/^it has: 1\/tcp .* 20\/tcp and 10 more$/);
  });

  it('is as before once what was added is removed again', () => {
    fc.assert(
      fc.property(anyForward(3), anyForward(3), (present, added) => {
        fc.pre(placeOf(present) !== placeOf(added));
        const more = withForwardsAdded([present], [added]);
        expect(specsOf(withForwardsRemoved('home', more, [added]))).to.deep.equal([present.spec]);
      }),
    );
  });

  it('has one forward for each place, whatever is added and removed', () => {
    const anySpec = fc
      .tuple(
        fc.constantFrom('53', '80', '80=81', '198.51.100.1:53', '[2001:db8::1]:53'),
        fc.constantFrom('tcp', 'udp', 'tcp+udp'),
      )
      .map(([place, transports]) => `${place}/${transports}`);
    fc.assert(
      fc.property(fc.array(anySpec, { maxLength: 10 }), fc.array(anySpec, { maxLength: 5 }), (added, removed) => {
        const sum = add([], ...added);
        const names = new Set(added.flatMap(eachTransport));
        expect(new Set(sum.flatMap(eachTransport))).to.deep.equal(names);
        expect(new Set(sum.map((spec) => placeOf(parseForward(spec)))).size).to.equal(sum.length);
        const present = removed.filter((spec) => eachTransport(spec).some((one) => names.has(one)));
        const left = present.reduce((specs, spec) => {
          const isThere = eachTransport(spec).some((one) => specs.flatMap(eachTransport).includes(one));
          return isThere ? remove(specs, spec) : specs;
        }, sum);
        const gone = new Set(present.flatMap(eachTransport));
        expect(new Set(left.flatMap(eachTransport))).to.deep.equal(new Set([...names].filter((one) => !gone.has(one))));
      }),
    );
  });
});

/** `53/tcp+udp` as `53/tcp` and `53/udp`. */
function eachTransport(spec: string): string[] {
  const [place = '', transports = ''] = spec.split('/');
  return transports.split('+').map((transport) => `${place}/${transport}`);
}
