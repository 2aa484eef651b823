/** IPv4 addresses and prefixes: round trips, host bits, containment and overlap. */

import {
  formatIpv4Prefix,
  ipv4AddressAt,
  ipv4FromNumber,
  ipv4PrefixContains,
  ipv4PrefixesOverlap,
  ipv4PrefixInterval,
  ipv4ToNumber,
  isIpv4,
  parseIpv4,
  parseIpv4Prefix,
} from '@homeward/shared/net/ipv4';
import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { thrownBy } from '../errors/thrown.js';
import { anyAddress, anyPrefix } from './generators.js';

describe('net/ipv4', () => {
  it('goes from number to text and back', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffff_ffff }), (value) => {
        expect(ipv4ToNumber(ipv4FromNumber(value))).to.equal(value);
      }),
    );
    expect(ipv4FromNumber(0xc000_0202)).to.equal('192.0.2.2');
    expect(ipv4FromNumber(0xffff_ffff)).to.equal('255.255.255.255');
  });

  it('takes dotted quads as the kernel prints them and nothing else', () => {
    fc.assert(fc.property(anyAddress, (address) => isIpv4(address)));
    const others = ['', '1.2.3', '1.2.3.4.5', '256.1.1.1', '01.2.3.4', '1.2.3.04', '0x7f.0.0.1', '2130706433', '::1'];
    for (const text of [...others, '1.2.3.4 ', '1.2.3.4\n', '1.2.3.4/32', '١.2.3.4', '1..2.3', '-1.2.3.4']) {
      expect(isIpv4(text), text).to.equal(false);
      expect(thrownBy(() => parseIpv4(text)).code).to.equal('bad-input');
    }
  });

  it('goes from prefix to text and back', () => {
    fc.assert(
      fc.property(anyPrefix, (prefix) => {
        expect(parseIpv4Prefix(formatIpv4Prefix(prefix))).to.deep.equal(prefix);
      }),
    );
  });

  it('clears host bits and takes a bare address as /32', () => {
    expect(formatIpv4Prefix(parseIpv4Prefix('192.168.1.77/24'))).to.equal('192.168.1.0/24');
    expect(formatIpv4Prefix(parseIpv4Prefix('10.1.2.3'))).to.equal('10.1.2.3/32');
    expect(formatIpv4Prefix(parseIpv4Prefix('203.0.113.9/0'))).to.equal('0.0.0.0/0');
  });

  it('refuses prefixes that are none', () => {
    for (const text of [
      '',
      '10.0.0.0/',
      '10.0.0.0/33',
      '10.0.0.0/08',
      '10.0.0.0/-1',
      '10.0/8',
      '10.0.0.0/8/8',
      '::/0',
    ]) {
      expect(thrownBy(() => parseIpv4Prefix(text)).message, text).to.include('is not an IPv4 prefix such as');
    }
  });

  it('contains an address exactly when their leading bits agree', () => {
    fc.assert(
      fc.property(anyPrefix, anyAddress, (prefix, address) => {
        const bits = (text: typeof address) => ipv4ToNumber(text).toString(2).padStart(32, '0').slice(0, prefix.length);
        expect(ipv4PrefixContains(prefix, address)).to.equal(bits(prefix.address) === bits(address));
      }),
    );
  });

  it('prefixes overlap exactly when one contains the start of the other', () => {
    fc.assert(
      fc.property(anyPrefix, anyPrefix, (a, b) => {
        const shared = ipv4PrefixContains(a, b.address) || ipv4PrefixContains(b, a.address);
        expect(ipv4PrefixesOverlap(a, b)).to.equal(shared);
        expect(ipv4PrefixesOverlap(b, a)).to.equal(shared);
      }),
    );
  });

  it('counts the addresses of a prefix from its network address', () => {
    const prefix = parseIpv4Prefix('10.77.16.0/20');
    expect(ipv4AddressAt(prefix, 0)).to.equal('10.77.16.0');
    expect(ipv4AddressAt(prefix, 257)).to.equal('10.77.17.1');
    expect(ipv4AddressAt(prefix, 4095)).to.equal('10.77.31.255');
    expect(thrownBy(() => ipv4AddressAt(prefix, 4096)).message).to.equal('10.77.16.0/20 has no address number 4096');
    expect(thrownBy(() => ipv4AddressAt(prefix, -1)).code).to.equal('bad-input');
  });

  it('gives the whole space as one interval', () => {
    expect(ipv4PrefixInterval(parseIpv4Prefix('0.0.0.0/0'))).to.deep.equal({ first: 0, last: 0xffff_ffff });
  });
});
