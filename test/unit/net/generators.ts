/** Generators of addresses, prefixes, port ranges and forwards for properties. */

import type { Forward, Transport } from '@homeward/shared/net/forward-spec';
import { type Ipv4Address, type Ipv4Prefix, ipv4FromNumber, parseIpv4Prefix } from '@homeward/shared/net/ipv4';
import { type PortRange, port } from '@homeward/shared/net/port';
import fc from 'fast-check';

export const anyAddress: fc.Arbitrary<Ipv4Address> = fc.integer({ min: 0, max: 0xffff_ffff }).map(ipv4FromNumber);

/** Host bits are zero. */
export const anyPrefix: fc.Arbitrary<Ipv4Prefix> = fc
  .tuple(anyAddress, fc.integer({ min: 0, max: 32 }))
  .map(([address, length]) => parseIpv4Prefix(`${address}/${length}`));

const anyPort = fc.integer({ min: 1, max: 65_535 });

export const anyRange: fc.Arbitrary<PortRange> = fc
  .tuple(anyPort, anyPort)
  .map(([a, b]) => ({ first: port(Math.min(a, b)), last: port(Math.max(a, b)) }));

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

/** Forwards of at most `longest` ports. */
export function anyForward(longest: number): fc.Arbitrary<Forward> {
  return fc
    .record({
      address: fc.option(anyAddress),
      ranges: twoRanges(longest),
      targetHost: fc.option(anyAddress),
      transports: fc.constantFrom<readonly Transport[]>(['tcp'], ['udp'], ['tcp', 'udp']),
    })
    .map(({ ranges, ...forward }) => ({ ...forward, ...ranges }));
}
