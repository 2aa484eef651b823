/** Forwards by their ports: the same answers as looking at every one of them. */

import { type Holder, indexPorts, scanPorts } from '@homeward/controller/forwards/port-index';
import { arrivalPorts, type Forward, parseForward } from '@homeward/shared/net/forward-spec';
import { parsePortRange, rangesOverlap } from '@homeward/shared/net/port';
import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { closeRange } from '../net/generators.js';

const few = fc.integer({ min: 1, max: 12 });
const anyCloseForward = fc
  .record({
    place: fc.constantFrom(['', ''], ['', '=192.168.1.9:'], ['198.51.100.1:', '='], ['[2001:db8::1]:', '=']),
    first: few,
    length: fc.constantFrom(0, 0, 0, 1, 5),
    shift: fc.constantFrom(0, 3),
    transports: fc.constantFrom('tcp', 'udp', 'tcp+udp'),
  })
  .map(({ place: [address, target], first, length, shift, transports }) => {
    const to = target === '' ? '' : `${target}${first + shift}-${first + shift + length}`;
    return parseForward(`${address}${first}-${first + length}${to}/${transports}`);
  });
const anyHolder: fc.Arbitrary<Holder> = fc.record({
  backend: fc.constantFrom('home', 'nas'),
  forward: anyCloseForward,
});

describe('forwards/port-index', () => {
  for (const [what, portsOf] of [
    ['public', ({ publicPorts }: Forward) => publicPorts],
    ['arrival', arrivalPorts],
  ] as const) {
    it(`finds exactly those that have one of the ${what} ports, each once`, () => {
      const lists = fc.tuple(fc.array(anyHolder, { maxLength: 12 }), fc.array(anyHolder, { maxLength: 4 }));
      fc.assert(
        fc.property(lists, closeRange, ([first, more], ports) => {
          const index = indexPorts(first, portsOf);
          const scan = scanPorts(first, portsOf);
          for (const holder of more) for (const one of [index, scan]) one.add(holder);
          const expected = [...first, ...more].filter(({ forward }) => rangesOverlap(portsOf(forward), ports));
          for (const found of [index.on(ports), scan.on(ports)]) {
            expect(found).to.have.members(expected);
            expect(found).to.have.lengthOf(expected.length);
          }
        }),
        { numRuns: 300 },
      );
    });
  }

  it('finds a single port in a range, and a range around a single port, whatever their transport', () => {
    const holders = ['5000-5999/udp', '53/tcp+udp', '53=54/tcp'].map((spec) => ({
      backend: 'home',
      forward: parseForward(spec),
    }));
    const index = indexPorts(holders, ({ publicPorts }) => publicPorts);
    const specs = (ports: string) => index.on(parsePortRange(ports)).map(({ forward }) => forward.spec);
    expect(specs('5999')).to.deep.equal(['5000-5999/udp']);
    expect(specs('53')).to.deep.equal(['53/tcp+udp', '53=54/tcp']);
    expect(specs('1-65535')).to.have.members(['5000-5999/udp', '53/tcp+udp', '53=54/tcp']);
    expect(specs('54-4999')).to.deep.equal([]);
  });
});
