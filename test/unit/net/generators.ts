/** Generators of addresses, prefixes, port ranges and forwards for properties. */

import {
  bitsOf,
  bracketed,
  type Family,
  type IpAddress,
  type Ipv4Address,
  type Ipv6Address,
  ipFromNumber,
  parseIpv6,
} from '@homeward/shared/net/address';
import type { Forward } from '@homeward/shared/net/forward-spec';
import { formatPortRange, type PortRange, port } from '@homeward/shared/net/port';
import { type IpPrefix, parsePrefix } from '@homeward/shared/net/prefix';
import type { Transport } from '@homeward/shared/net/transport';
import fc from 'fast-check';

const anyIpv4: fc.Arbitrary<Ipv4Address> = fc
  .integer({ min: 0, max: 0xffff_ffff })
  .map((value) => ipFromNumber('ipv4', BigInt(value)) as Ipv4Address);

/** The eight groups of an IPv6 address, many of them zero: that is what its text forms differ by. */
export const anyGroups: fc.Arbitrary<number[]> = fc.array(
  fc.oneof(fc.constant(0), fc.integer({ max: 0xffff, min: 0 })),
  {
    minLength: 8,
    maxLength: 8,
  },
);

const anyIpv6: fc.Arbitrary<Ipv6Address> = anyGroups.map((groups) =>
  parseIpv6(groups.map((group) => group.toString(16)).join(':')),
);

export const anyAddress: Readonly<Record<Family, fc.Arbitrary<IpAddress>>> = { ipv4: anyIpv4, ipv6: anyIpv6 };

/** Host bits are zero. */
export const anyPrefix: Readonly<Record<Family, fc.Arbitrary<IpPrefix>>> = {
  ipv4: prefixesOf('ipv4'),
  ipv6: prefixesOf('ipv6'),
};

export const anyFamily: fc.Arbitrary<Family> = fc.constantFrom('ipv4', 'ipv6');

const anyPort = fc.integer({ min: 1, max: 65_535 });

export const anyRange: fc.Arbitrary<PortRange> = fc
  .tuple(anyPort, anyPort)
  .map(([a, b]) => ({ first: port(Math.min(a, b)), last: port(Math.max(a, b)) }));

/** Ranges among so few ports that they often meet. */
export const closeRange: fc.Arbitrary<PortRange> = fc
  .tuple(fc.integer({ min: 1, max: 24 }), fc.integer({ min: 0, max: 6 }))
  .map(([first, more]) => ({ first: port(first), last: port(first + more) }));

function prefixesOf(family: Family): fc.Arbitrary<IpPrefix> {
  return fc
    .tuple(anyAddress[family], fc.integer({ min: 0, max: bitsOf(family) }))
    .map(([address, length]) => parsePrefix(`${address}/${length}`));
}

/** Of at most `longest` ports, fitting in twice: as public and as target range. */
function twoRanges(longest: number): fc.Arbitrary<{ publicPorts: PortRange; targetPorts: PortRange }> {
  return fc.integer({ min: 1, max: longest }).chain((length) => {
    const range = fc
      .integer({ min: 1, max: 65_536 - length })
      .map((first) => ({ first: port(first), last: port(first + length - 1) }));
    const same = range.map((ports) => ({ publicPorts: ports, targetPorts: ports }));
    return fc.oneof(same, fc.record({ publicPorts: range, targetPorts: range }));
  });
}

/** Forwards of at most `longest` ports, of both families. */
export function anyForward(longest: number): fc.Arbitrary<Forward> {
  const isNamed = (address: IpAddress) => address !== '0.0.0.0' && address !== '::';
  return anyFamily
    .chain((family) =>
      fc.record({
        address: fc.option(anyAddress[family].filter(isNamed)),
        ranges: twoRanges(longest),
        targetHost: fc.option(anyAddress[family]),
        transports: fc.constantFrom<readonly Transport[]>(['tcp'], ['udp'], ['tcp', 'udp']),
      }),
    )
    .map(({ ranges, ...rest }) => {
      const parts = { ...rest, ...ranges, exceptions: null };
      return { spec: canonicalSpec(parts), ...parts };
    });
}

/** As the documentation has it: what says nothing is left out. */
function canonicalSpec({ address, publicPorts, targetHost, targetPorts, transports }: Omit<Forward, 'spec'>): string {
  const [from, to] = [publicPorts, targetPorts].map(formatPortRange);
  const target = [targetHost === null ? [] : [bracketed(targetHost)], from === to ? [] : [to]].flat().join(':');
  const before = address === null ? '' : `${bracketed(address)}:`;
  return `${before}${from}${target === '' ? '' : `=${target}`}/${transports.join('+')}`;
}
