/** Forward specs: the canonical form, what each bad spec is answered, and the ports a forward covers. */

import { familyOf } from '@homeward/shared/net/address';
import {
  arrivalPorts,
  arrivalRanges,
  type Forward,
  familiesOf,
  parseForward,
  placeOf,
  withExceptions,
  withPublicPorts,
  withTransports,
} from '@homeward/shared/net/forward-spec';
import { parsePortRange, rangeContains, rangeLength } from '@homeward/shared/net/port';
import { TRANSPORTS, type Transport } from '@homeward/shared/net/transport';
import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { thrownBy } from '../errors/thrown.js';
import { anyForward, closeRange } from './generators.js';

/** Spec, message, hint. */
const BAD: readonly (readonly [string, string, string?])[] = [
  ['443', 'forward "443" lacks the protocol', 'write 443/tcp'],
  ['2222=22', 'forward "2222=22" lacks the protocol', 'write 2222=22/tcp'],
  ['', 'forward "" lacks the protocol'],
  ['443/', 'forward "443/": "" is not a protocol', 'write 443/tcp, 443/udp or 443/tcp+udp'],
  ['443/icmp', 'forward "443/icmp": "icmp" is not a protocol', 'write 443/tcp, 443/udp or 443/tcp+udp'],
  ['443/TCP', 'forward "443/TCP": "TCP" is not a protocol', 'write 443/tcp, 443/udp or 443/tcp+udp'],
  ['443/tcp/udp', 'forward "443/tcp/udp": "tcp/udp" is not a protocol', 'write 443/tcp, 443/udp or 443/tcp+udp'],
  ['53/tcp,udp', 'forward "53/tcp,udp": "tcp,udp" is not a protocol', 'write 53/tcp, 53/udp or 53/tcp+udp'],
  ['0/tcp', 'forward "0/tcp": "0" is not a port: ports go from 1 to 65535'],
  ['65536/tcp', 'forward "65536/tcp": 65536 is not a port: ports go from 1 to 65535'],
  ['/tcp', 'forward "/tcp": "" is not a port: ports go from 1 to 65535'],
  ['http/tcp', 'forward "http/tcp": "http" is not a port: ports go from 1 to 65535'],
  ['0443/tcp', 'forward "0443/tcp": "0443" is not a port: ports go from 1 to 65535'],
  [' 443/tcp', 'forward " 443/tcp": " 443" is not a port: ports go from 1 to 65535'],
  ['6000-5000/udp', 'forward "6000-5000/udp": range 6000-5000 runs backwards', 'write 5000-6000'],
  ['1-2-3/tcp', 'forward "1-2-3/tcp": "1-2-3" is not a port or a range such as 5000-6000'],
  ['80=81=82/tcp', 'forward "80=81=82/tcp" has more than one "="', 'write PUBLIC=TARGET/PROTO'],
  ['80-89=90-98/tcp', 'forward "80-89=90-98/tcp": the ranges before and after "=" differ in length'],
  ['80-89=90/tcp', 'forward "80-89=90/tcp": the ranges before and after "=" differ in length'],
  ['80=/tcp', 'forward "80=/tcp": "" is not a port: ports go from 1 to 65535'],
  ['80=nas:80/tcp', 'forward "80=nas:80/tcp": "nas" is not an IPv4 address'],
  ['80=192.168.1.9:/tcp', 'forward "80=192.168.1.9:/tcp": "" is not a port: ports go from 1 to 65535'],
  ['300.0.0.1:80/tcp', 'forward "300.0.0.1:80/tcp": "300.0.0.1" is not an IPv4 address'],
  ['198.51.100.1/tcp', 'forward "198.51.100.1/tcp": "198.51.100.1" lacks the port'],
  ['[2001:db8::1]/tcp', 'forward "[2001:db8::1]/tcp": "[2001:db8::1]" lacks the port'],
  [
    '2001:db8::1:443/tcp',
    'forward "2001:db8::1:443/tcp": "2001:db8::1:443" is not a port',
    'write an IPv6 address in brackets, for example [fd00::9]:443/tcp',
  ],
  [
    '80=fd00::9/tcp',
    'forward "80=fd00::9/tcp": "fd00::9" is not a target such as 8080 or 192.168.1.9:8080',
    'write an IPv6 address in brackets, for example [fd00::9]:443/tcp',
  ],
  ['80=a:b:c/udp', 'forward "80=a:b:c/udp": "a:b:c" is not a target such as 8080 or 192.168.1.9:8080'],
  ['80=[fd00::9/tcp', 'forward "80=[fd00::9/tcp": "[fd00::9" is not a target such as 8080 or 192.168.1.9:8080'],
  ['80=[192.168.1.9]:80/tcp', 'forward "80=[192.168.1.9]:80/tcp": "192.168.1.9" is not an IPv6 address'],
  ['80=[fe80::9%eth0]/tcp', 'forward "80=[fe80::9%eth0]/tcp": "fe80::9%eth0" is not an IPv6 address'],
  ['80=[]:80/tcp', 'forward "80=[]:80/tcp": "" is not an IPv6 address'],
  ['80=[fd00::9]:/tcp', 'forward "80=[fd00::9]:/tcp": "" is not a port: ports go from 1 to 65535'],
  [
    '0.0.0.0:443/tcp',
    'forward "0.0.0.0:443/tcp": 0.0.0.0 is not one of a relay\'s addresses',
    'leave it out to forward the port on all of them',
  ],
  [
    '[::]:443/tcp',
    'forward "[::]:443/tcp": :: is not one of a relay\'s addresses',
    'leave it out to forward the port on all of them',
  ],
  [
    '198.51.100.1:443=[fd00::9]/tcp',
    'forward "198.51.100.1:443=[fd00::9]/tcp": 198.51.100.1 and fd00::9 are of different families',
    'IPv4 clients reach IPv4 hosts, and IPv6 clients IPv6 hosts',
  ],
  ['all/tcp', 'forward "all/tcp": "all" is not a port: ports go from 1 to 65535'],
  ['all=22/tcp', 'forward "all=22/tcp": "all" is not a port: ports go from 1 to 65535'],
  ['all-except-', 'forward "all-except-": "" is not a port such as 22/tcp or 5000-6000/udp'],
  ['all-except-22', 'forward "all-except-22": "22" is not a port such as 22/tcp or 5000-6000/udp'],
  ['80:all', 'forward "80:all": "80" is not an address', 'write all, or for example 198.51.100.1:all'],
  [
    `all-except-${Array.from({ length: 20 }, (_, index) => `${1000 + 2 * index}/tcp`).join(',')}`,
    `forward "all-except-${Array.from({ length: 20 }, (_, index) => `${1000 + 2 * index}/tcp`).join(',')}": too many exceptions for one forward`,
    'join them to ranges, for example 5000-6000/tcp+udp',
  ],
  [
    '0.0.0.0:all',
    'forward "0.0.0.0:all": 0.0.0.0 is not one of a relay\'s addresses',
    'leave it out to forward the port on all of them',
  ],
];

describe('net/forward-spec', () => {
  it('reads every forward it prints', () => {
    fc.assert(
      fc.property(anyForward(1_000), (forward) => {
        expect(parseForward(forward.spec)).to.deep.equal(forward);
      }),
    );
  });

  it('keeps every exception of an `all`, and leaves nothing else out', () => {
    const anySpec = fc.record({
      ports: closeRange,
      transports: fc.constantFrom<readonly Transport[]>(['tcp'], ['udp'], TRANSPORTS),
    });
    fc.assert(
      fc.property(fc.array(anySpec, { maxLength: 5 }), (exceptions) => {
        const forward = withExceptions(parseForward('all'), exceptions);
        expect(parseForward(forward.spec)).to.deep.equal(forward);
        for (const transport of TRANSPORTS) {
          const left = arrivalRanges(forward, transport);
          for (let number = 1; number <= 40; number += 1) {
            const isExcepted = exceptions.some(
              ({ ports, transports }) => transports.includes(transport) && rangeContains(ports, number),
            );
            expect(left.some((range) => rangeContains(range, number))).to.equal(!isExcepted);
          }
        }
      }),
    );
  });

  it('has one canonical form', () => {
    const pairs = {
      '443/tcp': '443/tcp',
      '53/udp+tcp': '53/tcp+udp',
      '80-80/tcp': '80/tcp',
      '22=22/tcp': '22/tcp',
      '5000-5999=5000-5999/udp': '5000-5999/udp',
      '8000-8099=9000-9099/tcp': '8000-8099=9000-9099/tcp',
      '80=192.168.1.99:80/tcp': '80=192.168.1.99/tcp',
      '80=192.168.1.99:8080/tcp': '80=192.168.1.99:8080/tcp',
      '198.51.100.1:443=443/tcp': '198.51.100.1:443/tcp',
      '1-65535/tcp+udp': '1-65535/tcp+udp',
      '80=[FD00:0::9]:8080/tcp': '80=[fd00::9]:8080/tcp',
      '80=[fd00::9]:80/tcp': '80=[fd00::9]/tcp',
      '[2001:DB8:0::1]:443/tcp': '[2001:db8::1]:443/tcp',
      all: 'all',
      '[2001:DB8:0::1]:all': '[2001:db8::1]:all',
      'all-except-53/udp,22/tcp,53/tcp': 'all-except-22/tcp,53/tcp+udp',
      'all-except-5000-5010/udp,5005-5020/udp': 'all-except-5000-5020/udp',
      '198.51.100.1:all-except-25/tcp': '198.51.100.1:all-except-25/tcp',
      '[2001:db8::1]:8000-8099=[fd00::9]:8000-8099/udp+tcp': '[2001:db8::1]:8000-8099=[fd00::9]/tcp+udp',
    };
    for (const [spec, canonical] of Object.entries(pairs)) {
      expect(parseForward(spec).spec, spec).to.equal(canonical);
      expect(parseForward(canonical).spec).to.equal(canonical);
    }
  });

  it('takes the range that every hint and the documentation give as an example', () => {
    expect(parseForward('5000-6000/tcp').spec).to.equal('5000-6000/tcp');
  });

  for (const [spec, message, hint] of BAD) {
    it(`refuses ${JSON.stringify(spec)} saying why`, () => {
      const error = thrownBy(() => parseForward(spec));
      expect(error).to.include({ code: 'bad-input', message });
      if (hint !== undefined) expect(error.hint).to.equal(hint);
    });
  }

  it('takes no property that every object has for a protocol', () => {
    for (const word of ['constructor', 'toString', '__proto__', 'hasOwnProperty']) {
      expect(thrownBy(() => parseForward(`443/${word}`)).code, word).to.equal('bad-input');
    }
  });

  it('answers any text with a forward or with bad input, never with another error', () => {
    const piece = fc.constantFrom(
      '80',
      '-',
      '=',
      '/',
      ':',
      'tcp',
      'udp',
      '+',
      '1.2.3.4',
      'fd00::9',
      '[',
      ']',
      '65535',
      '0',
      'all',
      '-except-',
      ',',
    );
    const text = fc.oneof(
      fc.string(),
      fc.array(piece).map((pieces) => pieces.join('')),
    );
    fc.assert(
      fc.property(text, (spec) => {
        try {
          const forward = parseForward(spec);
          expect(parseForward(forward.spec)).to.deep.equal(forward);
        } catch (error) {
          expect(error).to.have.property('code', 'bad-input');
        }
      }),
    );
  });

  it('has target ports as many as public ones', () => {
    fc.assert(
      fc.property(anyForward(1_000), ({ spec }) => {
        const { publicPorts, targetPorts } = parseForward(spec);
        expect(rangeLength(targetPorts)).to.equal(rangeLength(publicPorts));
      }),
    );
  });

  it('keeps its place with other transports, in the order tcp, udp', () => {
    const anySelection = fc.subarray<Transport>(['udp', 'tcp', 'udp']);
    fc.assert(
      fc.property(anyForward(10), anySelection, (forward, chosen) => {
        const other = withTransports(forward, chosen);
        const transports = TRANSPORTS.filter((one) => chosen.includes(one));
        const spec = `${placeOf(forward)}/${transports.join('+')}`;
        expect(other).to.deep.equal(transports.length === 0 ? null : parseForward(spec));
        expect(withTransports(forward, forward.transports)).to.deep.equal(forward);
      }),
    );
  });

  it('keeps its target on other public ports', () => {
    const moved = (spec: string, ports: string) => withPublicPorts(parseForward(spec), parsePortRange(ports)).spec;
    expect(moved('80/tcp', '10080')).to.equal('10080=80/tcp');
    expect(moved('10080=80/tcp', '80')).to.equal('80/tcp');
    expect(moved('[2001:db8::1]:80-81=[fd00::9]/udp', '90-91')).to.equal('[2001:db8::1]:90-91=[fd00::9]:80-81/udp');
    fc.assert(
      fc.property(anyForward(100), (forward) => {
        const there = withPublicPorts(forward, forward.targetPorts);
        expect(parseForward(there.spec)).to.deep.equal(there);
        expect(withPublicPorts(there, forward.publicPorts)).to.deep.equal(forward);
      }),
    );
  });

  it('is for clients of the family it names, else for both', () => {
    const families = (spec: string) => familiesOf(parseForward(spec));
    for (const spec of ['443/tcp', '2222=22/tcp', '1-65535/udp'])
      expect(families(spec)).to.deep.equal(['ipv4', 'ipv6']);
    for (const spec of ['198.51.100.1:443/tcp', '443=192.168.1.9/tcp']) expect(families(spec)).to.deep.equal(['ipv4']);
    for (const spec of ['[2001:db8::1]:443/tcp', '443=[fd00::9]/tcp']) expect(families(spec)).to.deep.equal(['ipv6']);
    const isOfFamily = (forward: Forward) =>
      [forward.address, forward.targetHost].every((one) => one === null || familiesOf(forward).includes(familyOf(one)));
    fc.assert(fc.property(anyForward(10), isOfFamily));
  });

  it('arrives at the backend on its target ports, for a host behind it on the public ones', () => {
    const arrival = (spec: string) => arrivalPorts(parseForward(spec));
    expect(arrival('8000-8099=9000-9099/tcp')).to.deep.equal({ first: 9000, last: 9099 });
    expect(arrival('80=192.168.1.9:8080/tcp')).to.deep.equal({ first: 80, last: 80 });
    expect(arrival('80=[fd00::9]:8080/tcp')).to.deep.equal({ first: 80, last: 80 });
  });
});
