/** Parses `nft -j list …` (libnftables-json(5)): the skeleton's digest and the elements of static sets. */

import { z } from 'zod';
import { parseIpv6 } from '../net/address.js';
import { digest } from './digest.js';
import { readListing } from './listing.js';

/** Elements by set: value (null in a set) by key. */
export type ElementsBySet = ReadonlyMap<string, ReadonlyMap<string, string | null>>;

/** What a listing of one table tells. */
export interface NftListing {
  /** Of everything but handles, elements and counters; equal digests mean an unchanged skeleton. */
  readonly digest: string;
  /** None where the listing was asked for without them (`-t`). */
  readonly elements: ElementsBySet;
}

export interface ListedElement {
  readonly set: string;
  readonly key: string;
  readonly value: string | null;
}

export interface CountedElement extends ListedElement {
  readonly bytes: number;
}

const listing = z.object({ nftables: z.array(z.record(z.string(), z.unknown())) });
const setObject = z.object({
  name: z.string(),
  type: z.union([z.string(), z.array(z.string())]).optional(),
  flags: z.union([z.string(), z.array(z.string())]).optional(),
  map: z.unknown().optional(),
  elem: z.array(z.unknown()).optional(),
});
const wrapped = z.object({ val: z.unknown() });
const prefixObject = z.object({ addr: z.string(), len: z.number() });
const pair = z.tuple([z.unknown(), z.unknown()]);
const placed = z.object({ name: z.string().optional(), table: z.string().optional() });

/** Parses `nft -j -s -t list ruleset inet`: every table by its name, without elements. */
export function parseNftTables(json: string): Map<string, NftListing> {
  return readListing('nft', () => tablesOf(json));
}

function tablesOf(json: string): Map<string, NftListing> {
  const byTable = new Map<string, Record<string, unknown>[]>();
  for (const object of objects(json)) {
    const table = tableOf(object);
    if (table === null) continue;
    const content = byTable.get(table) ?? [];
    content.push(object);
    byTable.set(table, content);
  }
  return new Map([...byTable].map(([name, content]) => [name, listingOf(content)]));
}

/** Parses `nft -j -s list table inet NAME`. Sets whose elements time out belong to the packets, not to us: left out. */
export function parseNftTable(json: string): NftListing {
  return readListing('nft', () => listingOf(objects(json).filter((object) => !('metainfo' in object))));
}

function listingOf(content: readonly Record<string, unknown>[]): NftListing {
  const elements = new Map<string, ReadonlyMap<string, string | null>>();
  for (const object of content) {
    const set = setOf(object);
    if (set?.elem === undefined || set.flags?.includes('timeout') === true) continue;
    const listed = set.elem.map(elementReader(set));
    elements.set(set.name, new Map(listed.map(({ key, value }) => [key, value])));
  }
  return { digest: digest(JSON.stringify(content.map(withoutVolatile))), elements };
}

/** Parses `nft -j list set …` of a set or map, with its elements' byte counters (0 where there are none). */
export function parseNftSet(json: string): CountedElement[] {
  return readListing('nft', () => countedElements(json));
}

function countedElements(json: string): CountedElement[] {
  return objects(json).flatMap((object) => {
    const set = setOf(object);
    if (set === null) return [];
    const read = elementReader(set);
    return (set.elem ?? []).map((entry) => ({ ...read(entry), bytes: bytesOf(entry) }));
  });
}

function objects(json: string): Record<string, unknown>[] {
  return listing.parse(JSON.parse(json)).nftables;
}

/** The table an object is, or belongs to. */
function tableOf(object: Record<string, unknown>): string | null {
  const [kind] = Object.keys(object);
  if (kind === undefined || kind === 'metainfo') return null;
  const { name, table } = placed.parse(object[kind]);
  return kind === 'table' ? (name ?? null) : (table ?? null);
}

function setOf(object: Record<string, unknown>): z.infer<typeof setObject> | null {
  const set = object['set'] ?? object['map'];
  return set === undefined ? null : setObject.parse(set);
}

function elementReader(set: z.infer<typeof setObject>): (entry: unknown) => ListedElement {
  const keyText = keyReader(set);
  return (entry) => {
    if (set.map === undefined) return { set: set.name, key: keyText(entry), value: null };
    const [key, value] = pair.parse(entry);
    return { set: set.name, key: keyText(key), value: valueText(value) };
  };
}

/** nft names protocols by /etc/protocols (Debian's netbase), which a small system such as a container may not have. */
const PROTOCOL_NAMES: ReadonlyMap<string, string> = new Map([
  ['6', 'tcp'],
  ['17', 'udp'],
]);

function keyReader({ type }: z.infer<typeof setObject>): (key: unknown) => string {
  const position = [type ?? []].flat().indexOf('inet_proto');
  if (position === -1) return valueText;
  return (key) => {
    const text = valueText(key);
    const parts = text.split(' . ');
    const name = PROTOCOL_NAMES.get(parts[position] ?? '');
    return name === undefined ? text : parts.with(position, name).join(' . ');
  };
}

/** A value in nft's own notation: concatenations with dots, prefixes with a slash, ranges with a dash. */
function valueText(value: unknown): string {
  if (typeof value === 'string') return canonical(value);
  if (typeof value === 'number') return String(value);
  // By hand, not by schemas: there are tens of thousands of them.
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if ('concat' in value && Array.isArray(value.concat)) return value.concat.map(valueText).join(' . ');
  if ('range' in value && Array.isArray(value.range)) return value.range.map(valueText).join('-');
  if ('elem' in value) return valueText(wrapped.parse(value.elem).val);
  if ('prefix' in value) {
    const prefix = prefixObject.parse(value.prefix);
    return `${canonical(prefix.addr)}/${prefix.len}`;
  }
  return JSON.stringify(value);
}

/** nft writes IPv6 addresses of ::/96 and mapped ones with a dotted quad at the end, as inet_ntop does; we do not. */
function canonical(text: string): string {
  return text.includes('.') && text.includes(':') ? parseIpv6(text) : text;
}

/** `{"elem": {"val": …, "counter": {"bytes": …}}}`; by hand, as `valueText`. */
function bytesOf(entry: unknown): number {
  const counter = memberOf(memberOf(entry, 'elem'), 'counter');
  const bytes = memberOf(counter, 'bytes');
  return typeof bytes === 'number' ? bytes : 0;
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

/** Handles differ after each load, a set's elements are compared on their own, counters move by themselves. */
function withoutVolatile(object: Record<string, unknown>): unknown {
  const set = setOf(object);
  const { elem: _, ...skeleton } =
    set === null ? { elem: null } : ((object['set'] ?? object['map']) as Record<string, unknown>);
  return withoutNumbers(set === null ? object : skeleton);
}

function withoutNumbers(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNumbers);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => name !== 'handle' && name !== 'counter')
      .map(([name, inner]) => [name, withoutNumbers(inner)]),
  );
}
