/** Byte counters of forwards: what status reads is what the kernel counts, each byte once. */

import { countKeys, portCounters, rangeCounters } from '@homeward/controller/desired/forward-counters';
import { SETS } from '@homeward/controller/desired/relay-sets';
import { FAMILIES } from '@homeward/shared/net/address';
import { arrivalPorts, familiesOf, parseForward } from '@homeward/shared/net/forward-spec';
import { parsePortRange, portsOf, rangeContains } from '@homeward/shared/net/port';
import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { tunnelAddresses } from './backend-states.js';

const BACKEND = tunnelAddresses(1);

/** The keys of all counting sets for these forwards, each once, as the relay's state has them. */
function countedKeys(specs: readonly string[], direction: 'in' | 'out'): string[] {
  const forwards = specs.map(parseForward);
  const single = forwards.flatMap((forward) =>
    familiesOf(forward).flatMap((family) =>
      forward.transports.flatMap((transport) => portCounters(forward, family, transport, BACKEND)),
    ),
  );
  const sets = FAMILIES.flatMap((family) => {
    const { bytesIn, bytesOut, rangeBytesIn, rangeBytesOut } = SETS[family];
    return direction === 'in' ? [bytesIn, rangeBytesIn] : [bytesOut, rangeBytesOut];
  });
  const all = [...single, ...rangeCounters(forwards, FAMILIES, BACKEND)].filter(({ set }) => sets.includes(set));
  return [...new Set(all.map(({ key }) => key))];
}
const keysOf = (specs: readonly string[], spec: string) =>
  countKeys(specs.map(parseForward), BACKEND)(parseForward(spec));

const few = fc.integer({ min: 1, max: 20 });
const anySpec = fc
  .record({
    address: fc.constantFrom('', '198.51.100.1:', '[2001:db8::1]:'),
    first: few,
    length: fc.constantFrom(0, 0, 2, 10),
    shift: fc.constantFrom(0, 100),
    transports: fc.constantFrom('tcp', 'udp', 'tcp+udp'),
  })
  .map(({ address, first, length, shift, transports }) => {
    const last = first + length;
    return parseForward(`${address}${first}-${last}=${first + shift}-${last + shift}/${transports}`).spec;
  });

describe('desired/forward-counters', () => {
  it('are of the port at which a forward arrives, in each of its families and transports', () => {
    const specs = ['8443=443/tcp', '53/tcp+udp', '80=192.168.1.9:8080/tcp', '5000-5999/udp'];
    expect(keysOf(specs, '8443=443/tcp')).to.deep.equal(['10.77.16.2 . tcp . 443', 'fd77:16::2 . tcp . 443']);
    expect(keysOf(specs, '53/tcp+udp')).to.deep.equal([
      '10.77.16.2 . tcp . 53',
      '10.77.16.2 . udp . 53',
      'fd77:16::2 . tcp . 53',
      'fd77:16::2 . udp . 53',
    ]);
    expect(keysOf(specs, '80=192.168.1.9:8080/tcp')).to.deep.equal(['10.77.16.2 . tcp . 80']);
    expect(keysOf(specs, '5000-5999/udp')).to.deep.equal([
      '10.77.16.2 . udp . 5000-5999',
      'fd77:16::2 . udp . 5000-5999',
    ]);
  });

  it('are shared by ranges that overlap at the backend', () => {
    const specs = ['198.51.100.1:5000-5999/udp', '198.51.100.2:5500-6500/udp'];
    for (const spec of specs) expect(keysOf(specs, spec)).to.deep.equal(['10.77.16.2 . udp . 5000-6500']);
  });

  it('are there for every port of every forward, exactly one in each direction, family and transport', () => {
    fc.assert(
      fc.property(fc.array(anySpec, { minLength: 1, maxLength: 6 }), (specs) => {
        const [counted, back] = [countedKeys(specs, 'in'), countedKeys(specs, 'out')];
        expect(back).to.deep.equal(counted);
        for (const forward of specs.map(parseForward)) {
          const keys = keysOf(specs, forward.spec);
          expect(counted).to.include.members(keys);
          for (const family of familiesOf(forward)) {
            for (const transport of forward.transports) {
              const own = keys
                .map((key) => key.split(' . '))
                .filter(([address, named]) => address === BACKEND[family] && named === transport)
                .map(([, , ports = '']) => parsePortRange(ports));
              for (const port of portsOf(arrivalPorts(forward))) {
                expect(own.filter((range) => rangeContains(range, port))).to.have.lengthOf(1);
              }
            }
          }
        }
      }),
    );
  });
});
