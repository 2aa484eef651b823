/** Forward specs: the canonical form, what each bad spec is answered, and the ports a forward covers. */

import { formatForward, parseForward, portMappings } from '@homeward/shared/net/forward-spec';
import { rangeLength } from '@homeward/shared/net/port';
import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { thrownBy } from '../errors/thrown.js';
import { anyForward } from './generators.js';

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
  ['1-1025/tcp', 'forward "1-1025/tcp": ranges of more than 1024 ports are not supported by this version'],
  ['300.0.0.1:80/tcp', 'forward "300.0.0.1:80/tcp": "300.0.0.1" is not an IPv4 address'],
];

describe('net/forward-spec', () => {
  it('reads every forward it prints', () => {
    fc.assert(
      fc.property(anyForward(1_000), (forward) => {
        expect(parseForward(formatForward(forward))).to.deep.equal(forward);
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
      '64536-65535/tcp+udp': '64536-65535/tcp+udp',
    };
    for (const [spec, canonical] of Object.entries(pairs)) {
      expect(formatForward(parseForward(spec)), spec).to.equal(canonical);
    }
  });

  it('takes the range that every hint and the documentation give as an example', () => {
    expect(formatForward(parseForward('5000-6000/tcp'))).to.equal('5000-6000/tcp');
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

  it('says that IPv6 addresses cannot be forwarded yet', () => {
    for (const spec of ['80=[fd00::9]:8080/tcp', '[2001:db8::1]:443/tcp', '80=fd00::9/tcp', '2001:db8::1:443/tcp']) {
      expect(thrownBy(() => parseForward(spec)).message, spec).to.include('IPv6 addresses are not supported');
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
      '[',
      ']',
      '65535',
      '0',
      'all',
    );
    const text = fc.oneof(
      fc.string(),
      fc.array(piece).map((pieces) => pieces.join('')),
    );
    fc.assert(
      fc.property(text, (spec) => {
        try {
          expect(formatForward(parseForward(spec))).to.be.a('string');
        } catch (error) {
          expect(error).to.have.property('code', 'bad-input');
        }
      }),
    );
  });

  it('covers each public port once for each transport, shifted alike', () => {
    fc.assert(
      fc.property(anyForward(50), (forward) => {
        const mappings = portMappings(forward);
        expect(mappings).to.have.lengthOf(rangeLength(forward.publicPorts) * forward.transports.length);
        const shift = forward.targetPorts.first - forward.publicPorts.first;
        for (const { publicPort, targetPort } of mappings) expect(targetPort - publicPort).to.equal(shift);
        const keys = new Set(mappings.map(({ transport, publicPort }) => `${transport} ${publicPort}`));
        expect(keys.size).to.equal(mappings.length);
        expect(mappings[0]).to.include({ transport: forward.transports[0], publicPort: forward.publicPorts.first });
        expect(mappings.at(-1)).to.include({ publicPort: forward.publicPorts.last });
      }),
    );
  });
});
