/** Remembers the last state that was planned: for ten thousand forwards planning takes a while, and most looks find everything as it was. */

import { createElementGatherer, type GatherElements, gatherAll } from '../state/gather-elements.js';
import type { HostState } from '../state/resources.js';

/** What a plan depends on. */
export interface PlanInput {
  /** All that is small, as text. */
  readonly about: string;
  /** The long lists, whose items are never changed but replaced. */
  readonly lists: readonly (readonly unknown[])[];
}

/** Gives the last state again where the input is the same. */
export function createPlanMemory(): (input: PlanInput, plan: () => HostState) => HostState {
  let last: { readonly input: PlanInput; readonly state: HostState } | null = null;
  return (input, plan) => {
    if (last === null || !isSame(last.input, input)) last = { input, state: plan() };
    return last.state;
  };
}

function isSame(a: PlanInput, b: PlanInput): boolean {
  if (a.about !== b.about || a.lists.length !== b.lists.length) return false;
  return a.lists.every((list, index) => isSameList(list, b.lists[index] ?? []));
}

function isSameList(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a === b || (a.length === b.length && a.every((item, index) => item === b[index]));
}

/** What was computed of an item, kept as long as `about`, which says what else it depends on, is the same. Items are never changed but replaced. */
export type Remember<Item, Value> = (about: string) => (item: Item, compute: () => Value) => Value;

/** So many texts are told apart quickly: one for each backend or relay. */
const MOST_TEXTS = 1000;

/** For a planner that is asked again and again about long lists of which little changes. */
export function rememberEach<Item extends object, Value>(): Remember<Item, Value> {
  const known = new WeakMap<Item, { readonly about: string; readonly value: Value }>();
  /** Equal texts as the very same one: to compare a long one with its equal ten thousand times would be felt. */
  const texts = new Map<string, string>();
  return (given) => {
    if (texts.size > MOST_TEXTS) texts.clear();
    const about = texts.get(given) ?? given;
    texts.set(about, about);
    return (item, compute) => {
      const present = known.get(item);
      if (present?.about === about) return present.value;
      const value = compute();
      known.set(item, { about, value });
      return value;
    };
  };
}

/** For a planner that is asked once. */
export function recompute<Item, Value>(_about: string): (item: Item, compute: () => Value) => Value {
  return (_item, compute) => compute();
}

/** What a planner of long lists keeps between two plans: what it made of each item, and their elements by sets. */
export interface ItemMemory<Item, Value> {
  readonly remember: Remember<Item, Value>;
  readonly gather: GatherElements;
}

export function createItemMemory<Item extends object, Value>(): ItemMemory<Item, Value> {
  return { remember: rememberEach(), gather: createElementGatherer() };
}

/** For a planner that is asked once. */
export const NO_MEMORY = { remember: recompute, gather: gatherAll };
