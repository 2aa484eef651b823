/** Generators of elements for every set and map of both tables, as the planners make them. */

import { SETS as BACKEND, COMMON_SETS as BACKEND_COMMON } from '@homeward/agent/desired/backend-sets';
import type { TableSlot } from '@homeward/agent/desired/backend-table';
import { SETS as RELAY, COMMON_SETS as RELAY_COMMON } from '@homeward/controller/desired/relay-sets';
import type { MappedPeer } from '@homeward/controller/desired/relay-table';
import { FAMILIES, type Family, isIpv4, isIpv6 } from '@homeward/shared/net/address';
import { BACKEND_TABLE, MAX_SLOT, RELAY_TABLE, slotNumbers } from '@homeward/shared/net/allocation';
import { flattenPrefixes, intervalText } from '@homeward/shared/net/intervals';
import { parseLinkName } from '@homeward/shared/net/names';
import type { NftElement } from '@homeward/shared/state/resources';
import fc from 'fast-check';
import { anyAddress, anyPrefix } from '../net/generators.js';

type Values = fc.Arbitrary<string | null>;

const nothing: Values = fc.constant(null);
const anyPort = fc.integer({ min: 1, max: 65_535 });
const anyTransport = fc.constantFrom('tcp', 'udp');
const text = (...parts: readonly fc.Arbitrary<unknown>[]) => fc.tuple(...parts).map((values) => values.join(' . '));
const all = (...parts: readonly fc.Arbitrary<NftElement[]>[]) => fc.tuple(...parts).map((lists) => lists.flat());

/** Disjoint ranges of two ports or more; some of them are neighbours. */
const disjointRanges = fc
  .tuple(
    fc.uniqueArray(anyPort, { minLength: 2, maxLength: 6 }),
    fc.array(fc.boolean(), { minLength: 5, maxLength: 5 }),
  )
  .map(([cuts, chosen]) => {
    const sorted = [...cuts].sort((a, b) => a - b);
    return sorted.slice(1).flatMap((next, index) => {
      const first = sorted[index] ?? next;
      return chosen[index] === true && next - 1 > first ? [`${first}-${next - 1}`] : [];
    });
  });

/** Single ports at some places, no key twice. */
function ports(table: string, set: string, place: fc.Arbitrary<string>, value: Values): fc.Arbitrary<NftElement[]> {
  return fc
    .uniqueArray(fc.tuple(text(place, anyPort), value), { maxLength: 4, selector: ([key]) => key })
    .map((pairs) => pairs.map(([key, chosen]) => ({ kind: 'nft-element', table, set, key, value: chosen })));
}

/** Ranges of ports at some places, disjoint at each. */
function ranges(table: string, set: string, place: fc.Arbitrary<string>, value: Values): fc.Arbitrary<NftElement[]> {
  return fc
    .uniqueArray(fc.tuple(place, disjointRanges, value), { maxLength: 3, selector: ([at]) => at })
    .map((places) =>
      places.flatMap(([at, spans, chosen]) =>
        spans.map((span): NftElement => ({ kind: 'nft-element', table, set, key: `${at} . ${span}`, value: chosen })),
      ),
    );
}

/** Disjoint intervals of addresses as the backend makes them of prefixes. */
function intervals(set: string, family: Family, value: Values): fc.Arbitrary<NftElement[]> {
  return fc.array(fc.record({ prefix: anyPrefix[family], value }), { maxLength: 4 }).map((entries) =>
    flattenPrefixes(entries).map((piece) => ({
      kind: 'nft-element',
      table: BACKEND_TABLE,
      set,
      key: intervalText(piece),
      value: piece.value,
    })),
  );
}

/** Links of ours, and of others, some of which nft would read as something else. */
const anyLink = fc.constantFrom('hw0', 'hw1', 'hwg4093', 'tun0', '6in4-wan', 'map', '0x1', 'br-12ab', 'wlan0.7');

/** A set of single things. */
const among = (table: string, set: string, key: fc.Arbitrary<string>): fc.Arbitrary<NftElement[]> =>
  fc
    .uniqueArray(key, { maxLength: 3 })
    .map((keys) => keys.map((one): NftElement => ({ kind: 'nft-element', table, set, key: one, value: null })));

function relayFamily(family: Family): fc.Arbitrary<NftElement[]> {
  const sets = RELAY[family];
  const address = anyAddress[family];
  const place = text(address, anyTransport);
  const target = text(address, anyPort);
  const counted = [sets.bytesIn, sets.bytesOut].map((set) => ports(RELAY_TABLE, set, place, nothing));
  const rangesCounted = [sets.rangeBytesIn, sets.rangeBytesOut].map((set) => ranges(RELAY_TABLE, set, place, nothing));
  return all(
    ports(RELAY_TABLE, sets.exact, place, target),
    ranges(RELAY_TABLE, sets.range, place, address),
    ports(RELAY_TABLE, sets.any, anyTransport, target),
    ranges(RELAY_TABLE, sets.anyRange, anyTransport, address),
    ...counted,
    ...rangesCounted,
    among(RELAY_TABLE, sets.shared, text(anyLink, address)),
  );
}

function backendFamily(family: Family): fc.Arbitrary<NftElement[]> {
  const sets = BACKEND[family];
  const address = anyAddress[family];
  const place = text(address, anyTransport);
  return all(
    among(BACKEND_TABLE, sets.tunnelAddresses, text(anyLink, address)),
    ports(BACKEND_TABLE, sets.allowed.single, place, nothing),
    ranges(BACKEND_TABLE, sets.allowed.range, place, nothing),
    ports(BACKEND_TABLE, sets.echo, place, nothing),
    ports(BACKEND_TABLE, sets.pinned.single, address, nothing),
    ranges(BACKEND_TABLE, sets.pinned.range, address, nothing),
    ports(BACKEND_TABLE, sets.redirected.single, place, text(address, anyPort)),
    ranges(BACKEND_TABLE, sets.redirected.range, place, address),
    intervals(sets.impossibleSources, family, nothing),
    intervals(sets.sourcePin, family, address),
  );
}

/** Elements of all the relay's sets. */
export const relayElements: fc.Arbitrary<NftElement[]> = all(
  among(RELAY_TABLE, RELAY_COMMON.tunnels, anyLink),
  ...FAMILIES.map(relayFamily),
);

/** Elements of all the backend's sets. */
export const backendElements: fc.Arbitrary<NftElement[]> = all(
  among(BACKEND_TABLE, BACKEND_COMMON.tunnels, anyLink),
  ...FAMILIES.map(backendFamily),
);

/** Backends whose GRE comes in UDP. */
export const anyMapped: fc.Arbitrary<MappedPeer[]> = fc.uniqueArray(
  fc.record({
    index: fc.integer({ min: 1, max: 4093 }),
    key: fc.oneof(fc.constantFrom(0, 0xffff_ffff), fc.integer({ min: 0, max: 0xffff_ffff })),
    remote: anyAddress.ipv4.filter(isIpv4),
  }),
  { maxLength: 3, selector: ({ index }) => index },
);

/** A slot whose tunnel is ours, or a device that is used for other things as well. */
export const anyTableSlot: fc.Arbitrary<TableSlot> = fc
  .record({
    slot: fc.integer({ min: 1, max: MAX_SLOT }),
    device: fc.option(anyLink.map(parseLinkName)),
    carried: fc.subarray([...FAMILIES]),
    ipv4: anyAddress.ipv4.filter(isIpv4),
    ipv6: anyAddress.ipv6.filter(isIpv6),
    neighbours: fc.array(fc.oneof(anyPrefix.ipv4, anyPrefix.ipv6), { maxLength: 4 }),
  })
  .map(({ slot, device, carried, ipv4, ipv6, neighbours }) => {
    if (device === null) {
      return { slot, link: slotNumbers(slot).link, tunnelAddresses: { ipv4, ipv6 }, shared: null };
    }
    const tunnelAddresses = {
      ...(carried.includes('ipv4') ? { ipv4 } : {}),
      ...(carried.includes('ipv6') ? { ipv6 } : {}),
    };
    return { slot, link: device, tunnelAddresses, shared: { neighbours } };
  });
