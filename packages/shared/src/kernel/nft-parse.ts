/** Parses `nft -j list …` (libnftables-json(5)): the skeleton's digest and the elements of static sets. */

import { z } from 'zod';
import { digest } from './digest.js';

/** What a listing of one table tells. */
export interface NftListing {
  /** Of everything but handles, elements and counters; equal digests mean an unchanged skeleton. */
  readonly digest: string;
  readonly elements: readonly ListedElement[];
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
  flags: z.union([z.string(), z.array(z.string())]).optional(),
  map: z.unknown().optional(),
  elem: z.array(z.unknown()).optional(),
});
const counterObject = z.object({ bytes: z.number() });

/** Names of the inet tables in `nft -j list tables inet`. */
export function parseTableNames(json: string): string[] {
  const named = z.object({ name: z.string() });
  return objects(json).flatMap((object) => ('table' in object ? [named.parse(object['table']).name] : []));
}

/** Parses `nft -j -s list table inet NAME`. Sets whose elements time out belong to the packets, not to us: left out. */
export function parseNftTable(json: string): NftListing {
  const content = objects(json).filter((object) => !('metainfo' in object));
  const elements = content.flatMap((object) => {
    const set = setOf(object);
    if (set === null || set.flags?.includes('timeout') === true) return [];
    return (set.elem ?? []).map((entry) => listedElement(set, entry));
  });
  return { digest: digest(JSON.stringify(content.map(withoutVolatile))), elements };
}

/** Parses `nft -j list set …` of a set or map, with its elements' byte counters (0 where there are none). */
export function parseNftSet(json: string): CountedElement[] {
  return objects(json).flatMap((object) => {
    const set = setOf(object);
    if (set === null) return [];
    return (set.elem ?? []).map((entry) => ({ ...listedElement(set, entry), bytes: bytesOf(entry) }));
  });
}

function objects(json: string): Record<string, unknown>[] {
  return listing.parse(JSON.parse(json)).nftables;
}

function setOf(object: Record<string, unknown>): z.infer<typeof setObject> | null {
  const set = object['set'] ?? object['map'];
  return set === undefined ? null : setObject.parse(set);
}

function listedElement(set: z.infer<typeof setObject>, entry: unknown): ListedElement {
  if (set.map === undefined) return { set: set.name, key: valueText(entry), value: null };
  const [key, value] = z.tuple([z.unknown(), z.unknown()]).parse(entry);
  return { set: set.name, key: valueText(key), value: valueText(value) };
}

/** A value in nft's own notation: concatenations with dots, prefixes with a slash, ranges with a dash. */
function valueText(value: unknown): string {
  if (typeof value === 'string' || typeof value === 'number') return String(value);
  const parts = z.record(z.string(), z.unknown()).parse(value);
  if ('concat' in parts) return z.array(z.unknown()).parse(parts['concat']).map(valueText).join(' . ');
  if ('range' in parts) return z.array(z.unknown()).parse(parts['range']).map(valueText).join('-');
  if ('prefix' in parts) {
    const prefix = z.object({ addr: z.string(), len: z.number() }).parse(parts['prefix']);
    return `${prefix.addr}/${prefix.len}`;
  }
  if ('elem' in parts) return valueText(z.object({ val: z.unknown() }).parse(parts['elem']).val);
  return JSON.stringify(value);
}

function bytesOf(entry: unknown): number {
  const counted = z.object({ elem: z.object({ counter: counterObject }) }).safeParse(entry);
  return counted.success ? counted.data.elem.counter.bytes : 0;
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
