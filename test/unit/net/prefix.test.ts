/** Prefixes of both families: round trips, host bits, membership and overlap. */

import { BlockList } from 'node:net';
import { bitsOf, familyOf, type IpAddress, ipFromNumber, ipToNumber } from '@homeward/shared/net/address';
import {
  addressAt,
  formatPrefix,
  parseIpv4Prefix,
  parseIpv6Prefix,
  parsePrefix,
  prefixContains,
  prefixesOverlap,
  prefixInterval,
} from '@homeward/shared/net/prefix';
import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { thrownBy } from '../errors/thrown.js';
import { anyAddress, anyFamily, anyPrefix } from './generators.js';

const prefixes = anyFamily.chain((family) => anyPrefix[family]);
const addresses = anyFamily.chain((family) => anyAddress[family]);

/** Addresses that share a random number of leading bits with the prefix: random ones are hardly ever near it. */
const prefixAndAddress = anyFamily.chain((family) =>
  fc
    .tuple(anyAddress[family], anyAddress[family], fc.nat(bitsOf(family)), fc.nat(bitsOf(family)))
    .map(([base, other, shared, length]) => {
      const { first } = prefixInterval(parsePrefix(`${base}/${shared}`));
      const rest = ipToNumber(other) % (1n << BigInt(bitsOf(family) - shared));
      return { prefix: parsePrefix(`${base}/${length}`), address: ipFromNumber(family, first + rest) };
    }),
);

describe('net/prefix', () => {
  it('goes from prefix to text and back', () => {
    fc.assert(
      fc.property(prefixes, (prefix) => {
        expect(parsePrefix(formatPrefix(prefix))).to.deep.equal(prefix);
      }),
    );
  });

  it('clears host bits and takes a bare address as the prefix of itself', () => {
    const canonical = {
      '192.168.1.77/24': '192.168.1.0/24',
      '10.1.2.3': '10.1.2.3/32',
      '203.0.113.9/0': '0.0.0.0/0',
      '2001:DB8:1:2:3::4/64': '2001:db8:1:2::/64',
      'fd00::9': 'fd00::9/128',
      'ffff::/0': '::/0',
      '2001:db8::ffff/127': '2001:db8::fffe/127',
    };
    for (const [text, expected] of Object.entries(canonical))
      expect(formatPrefix(parsePrefix(text))).to.equal(expected);
  });

  it('refuses prefixes that are none', () => {
    const none = ['', '10.0.0.0/', '10.0.0.0/33', '10.0.0.0/08', '10.0.0.0/-1', '10.0/8', '10.0.0.0/8/8'];
    for (const text of [...none, '::/0']) {
      expect(thrownBy(() => parseIpv4Prefix(text)).message, text).to.include('is not an IPv4 prefix such as');
    }
    for (const text of [
      'fd00::/',
      'fd00::/129',
      'fd00::/064',
      'fd00::/-1',
      'fd00::/8/8',
      'fd00::%eth0/64',
      '10.0.0.0/8',
    ]) {
      expect(thrownBy(() => parseIpv6Prefix(text)).message, text).to.match(/is not an IPv6 (prefix such as|address)/);
    }
    for (const text of none) expect(thrownBy(() => parsePrefix(text)).code).to.equal('bad-input');
  });

  it('contains an address exactly when node thinks so', () => {
    fc.assert(
      fc.property(prefixAndAddress, ({ prefix, address }) => {
        const family = familyOf(prefix.address);
        const list = new BlockList();
        list.addSubnet(prefix.address, prefix.length, family);
        expect(prefixContains(prefix, address)).to.equal(list.check(address, family));
      }),
      { numRuns: 500 },
    );
  });

  it('contains no address of the other family', () => {
    const everything = { ipv4: parsePrefix('0.0.0.0/0'), ipv6: parsePrefix('::/0') };
    fc.assert(
      fc.property(addresses, (address) => {
        const family = familyOf(address);
        expect(prefixContains(everything[family], address)).to.equal(true);
        expect(prefixContains(everything[family === 'ipv4' ? 'ipv6' : 'ipv4'], address)).to.equal(false);
      }),
    );
    expect(prefixesOverlap(everything.ipv4, everything.ipv6)).to.equal(false);
  });

  it('overlaps another exactly when one contains the start of the other', () => {
    fc.assert(
      fc.property(prefixes, prefixes, (a, b) => {
        const shared = prefixContains(a, b.address) || prefixContains(b, a.address);
        expect(prefixesOverlap(a, b)).to.equal(shared);
        expect(prefixesOverlap(b, a)).to.equal(shared);
      }),
    );
  });

  it('is an interval from its first to its last address', () => {
    const ends = (text: string) => {
      const { first, last } = prefixInterval(parsePrefix(text));
      return [first, last];
    };
    expect(ends('0.0.0.0/0')).to.deep.equal([0n, 0xffff_ffffn]);
    expect(ends('::/0')).to.deep.equal([0n, (1n << 128n) - 1n]);
    expect(ends('fe80::/10')).to.deep.equal([0xfe80n << 112n, (0xfec0n << 112n) - 1n]);
  });

  it('counts the addresses of a prefix from its network address', () => {
    const prefix = parseIpv4Prefix('10.77.16.0/20');
    expect(addressAt(prefix, 0)).to.equal('10.77.16.0');
    expect(addressAt(prefix, 257)).to.equal('10.77.17.1');
    expect(addressAt(prefix, 4095)).to.equal('10.77.31.255');
    expect(thrownBy(() => addressAt(prefix, 4096)).message).to.equal('10.77.16.0/20 has no address number 4096');
    expect(thrownBy(() => addressAt(prefix, -1)).code).to.equal('bad-input');
    const pool: IpAddress[] = [1, 2, 65_536].map((index) => addressAt(parseIpv6Prefix('fd12:3456:789a::/64'), index));
    expect(pool).to.deep.equal(['fd12:3456:789a::1', 'fd12:3456:789a::2', 'fd12:3456:789a::1:0']);
  });
});
