/** Gathers the elements of tens of thousands of lists, one for each forward, by their sets: of lists that were there the last time nothing is looked at again. */

import { elementsKey } from './describe.js';
import type { NftElement, NftElements } from './resources.js';

/** Each list stands once, and is never changed but replaced. An element may be in several; its value is the same in all of them. */
export type GatherElements = (lists: readonly (readonly NftElement[])[]) => NftElements[];

interface Gathered {
  readonly place: Pick<NftElements, 'table' | 'set'>;
  elements: Map<string, string | null>;
  /** How many lists beside the first hold an element, of those that several hold. */
  readonly shared: Map<string, number>;
  /** Whether `elements` were given away since they were copied. */
  isGiven: boolean;
}

/** For a planner that is asked once. */
export function gatherAll(lists: readonly (readonly NftElement[])[]): NftElements[] {
  return createElementGatherer()(lists);
}

/** For a planner that is asked again and again about lists of which few change. Sets without a change are given as the very maps of the last time. */
export function createElementGatherer(): GatherElements {
  const sets = new Map<string, Gathered>();
  let last: readonly (readonly NftElement[])[] = [];

  function gathered({ table, set }: NftElement): Gathered {
    const key = elementsKey(table, set);
    const present = sets.get(key);
    if (present !== undefined) return present;
    const made: Gathered = { place: { table, set }, elements: new Map(), shared: new Map(), isGiven: false };
    sets.set(key, made);
    return made;
  }

  return (lists) => {
    const { gone, come } = difference(last, lists);
    last = lists;
    for (const element of gone.flat()) remove(gathered(element), element);
    for (const element of come.flat()) add(gathered(element), element);
    for (const [key, { elements }] of sets) if (elements.size === 0) sets.delete(key);
    return [...sets.values()].map((each) => {
      each.isGiven = true;
      return { kind: 'nft-elements', ...each.place, elements: each.elements };
    });
  };
}

/** What was given away is somebody's value. */
function writable(gathered: Gathered): Map<string, string | null> {
  if (gathered.isGiven) gathered.elements = new Map(gathered.elements);
  gathered.isGiven = false;
  return gathered.elements;
}

function add(gathered: Gathered, { key, value }: NftElement): void {
  if (gathered.elements.has(key)) gathered.shared.set(key, (gathered.shared.get(key) ?? 0) + 1);
  if (gathered.elements.get(key) !== value) writable(gathered).set(key, value);
}

function remove(gathered: Gathered, { key }: NftElement): void {
  const others = gathered.shared.get(key) ?? 0;
  if (others === 0) writable(gathered).delete(key);
  else if (others === 1) gathered.shared.delete(key);
  else gathered.shared.set(key, others - 1);
}

/** By identity, and most often only the end differs. */
function difference<Item>(before: readonly Item[], after: readonly Item[]): { gone: Item[]; come: Item[] } {
  let same = 0;
  while (same < before.length && before[same] === after[same]) same += 1;
  const [was, is] = [new Set(before.slice(same)), new Set(after.slice(same))];
  return { gone: [...was].filter((item) => !is.has(item)), come: [...is].filter((item) => !was.has(item)) };
}
