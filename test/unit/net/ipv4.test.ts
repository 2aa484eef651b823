/** Addresses of both families: one canonical text for each, the kernel's, and numbers that lead back to it. */

import { isIPv4, isIPv6, SocketAddress } from 'node:net';
import {
  bitsOf,
  bracketed,
  familyOf,
  formatEndpoint,
  ipFromNumber,
  ipToNumber,
  isIp,
  isIpv4,
  isIpv6,
  parseIp,
  parseIpv4,
  parseIpv6,
} from '@homeward/shared/net/address';
import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { thrownBy } from '../errors/thrown.js';
import { anyAddress, anyFamily, anyGroups } from './generators.js';

/** The text of libuv's inet_ntop, which is another implementation than ours. */
const printedByLibuv = (address: string) => new SocketAddress({ address, family: 'ipv6' }).address;
const numberOf = (groups: readonly number[]) => groups.reduce((sum, group) => (sum << 16n) | BigInt(group), 0n);

/** The groups in one of their many texts: upper or lower case, zeros before, any run of zeros as `::`, a dotted quad at the end. */
const anyText = fc
  .record({
    groups: anyGroups,
    isPadded: fc.boolean(),
    isUpper: fc.boolean(),
    hasQuad: fc.boolean(),
    gap: fc.option(fc.record({ start: fc.nat(7), length: fc.integer({ min: 1, max: 8 }) })),
  })
  .map(({ groups, isPadded, isUpper, hasQuad, gap }) => {
    const hex = groups.map((group) => group.toString(16).padStart(isPadded ? 4 : 1, '0'));
    const [high = 0, low = 0] = groups.slice(6);
    const quad = [high >> 8, high & 255, low >> 8, low & 255].join('.');
    const words = hasQuad ? [...hex.slice(0, 6), quad] : hex;
    const end = gap === null ? 0 : gap.start + gap.length;
    const fits = gap !== null && end <= (hasQuad ? 6 : 8) && groups.slice(gap.start, end).every((group) => group === 0);
    const text = fits ? `${words.slice(0, gap.start).join(':')}::${words.slice(end).join(':')}` : words.join(':');
    return { groups, text: isUpper ? text.toUpperCase() : text };
  });

describe('net/address', () => {
  it('goes from number to text and back', () => {
    const anyNumber = anyFamily.chain((family) =>
      fc.tuple(fc.constant(family), fc.bigInt({ min: 0n, max: (1n << BigInt(bitsOf(family))) - 1n })),
    );
    fc.assert(
      fc.property(anyNumber, ([family, value]) => {
        const address = ipFromNumber(family, value);
        expect(familyOf(address)).to.equal(family);
        expect(ipToNumber(address)).to.equal(value);
      }),
    );
    expect(ipFromNumber('ipv4', 0xc000_0202n)).to.equal('192.0.2.2');
    expect(ipFromNumber('ipv4', 0xffff_ffffn)).to.equal('255.255.255.255');
    expect(ipFromNumber('ipv6', 0n)).to.equal('::');
    expect(ipFromNumber('ipv6', (1n << 128n) - 1n)).to.equal('ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff');
  });

  it('takes dotted quads as the kernel prints them and nothing else for IPv4', () => {
    fc.assert(fc.property(anyAddress.ipv4, (address) => isIpv4(address) && isIPv4(address)));
    const others = ['', '1.2.3', '1.2.3.4.5', '256.1.1.1', '01.2.3.4', '1.2.3.04', '0x7f.0.0.1', '2130706433', '::1'];
    for (const text of [...others, '1.2.3.4 ', '1.2.3.4\n', '1.2.3.4/32', '١.2.3.4', '1..2.3', '-1.2.3.4']) {
      expect(isIpv4(text), text).to.equal(false);
      expect(thrownBy(() => parseIpv4(text)).code).to.equal('bad-input');
    }
  });

  it('gives every text of an IPv6 address the same canonical form', () => {
    fc.assert(
      fc.property(anyText, ({ groups, text }) => {
        const canonical = parseIpv6(text);
        expect(canonical).to.equal(ipFromNumber('ipv6', numberOf(groups)));
        expect(ipToNumber(canonical)).to.equal(numberOf(groups));
        expect(isIpv6(canonical)).to.equal(true);
        expect(isIpv6(text)).to.equal(text === canonical);
      }),
      { numRuns: 500 },
    );
  });

  it('has the form that inet_ntop has, and so the kernel, but for dotted quads', () => {
    fc.assert(
      fc.property(anyGroups, (groups) => {
        fc.pre(groups.slice(0, 5).some((group) => group !== 0));
        const address = ipFromNumber('ipv6', numberOf(groups));
        expect(address).to.equal(printedByLibuv(address));
      }),
      { numRuns: 500 },
    );
    const canonical = {
      '2001:DB8:0:0:0:0:0:1': '2001:db8::1',
      '2001:0db8:0000:0000:0001:0000:0000:0001': '2001:db8::1:0:0:1',
      '2001:db8:0:1:1:1:1:1': '2001:db8:0:1:1:1:1:1',
      '0:0:1:0:0:0:1:0': '0:0:1::1:0',
      '::': '::',
      '::ffff:192.0.2.1': '::ffff:c000:201',
      '64:ff9b::192.0.2.33': '64:ff9b::c000:221',
    };
    for (const [text, expected] of Object.entries(canonical)) expect(parseIpv6(text), text).to.equal(expected);
  });

  it('takes for IPv6 exactly what node takes, without zones', () => {
    const piece = fc.constantFrom(
      '0',
      '1',
      'db8',
      'FFFF',
      '00ab',
      '12345',
      ':',
      '::',
      '.',
      '1.2.3.4',
      'g',
      '[',
      ']',
      ' ',
      '/64',
      '\t',
    );
    const anyTry = fc.oneof(
      fc.array(piece, { maxLength: 16 }).map((pieces) => pieces.join('')),
      anyText.map(({ text }) => text),
      fc.string(),
    );
    fc.assert(
      fc.property(anyTry, (text) => {
        const isTaken = isIPv6(text) && !text.includes('%');
        if (isTaken) expect(isIp(parseIp(text))).to.equal(true);
        else expect(thrownBy(() => parseIpv6(text)).message).to.equal(`"${text}" is not an IPv6 address`);
      }),
      { numRuns: 1_000 },
    );
    for (const text of [
      'fe80::1%eth0',
      '[::1]',
      '::1/128',
      ' ::1',
      '::1\n',
      '1::2::3',
      ':::',
      ':',
      '::1.2.3',
      '::01.2.3.4',
    ]) {
      expect(isIp(text), text).to.equal(false);
      expect(thrownBy(() => parseIp(text)).code, text).to.equal('bad-input');
    }
  });

  it('puts IPv6 in brackets where a port follows', () => {
    expect(formatEndpoint('198.51.100.1', 443)).to.equal('198.51.100.1:443');
    expect(formatEndpoint('2001:db8::1', 443)).to.equal('[2001:db8::1]:443');
    expect(formatEndpoint('relay.example', 443)).to.equal('relay.example:443');
    expect(['192.0.2.1', 'fd00::9'].map(bracketed)).to.deep.equal(['192.0.2.1', '[fd00::9]']);
    fc.assert(
      fc.property(
        anyAddress.ipv6,
        (address) => new URL(`ws://${formatEndpoint(address, 7700)}`).host === `[${address}]:7700`,
      ),
    );
  });
});
