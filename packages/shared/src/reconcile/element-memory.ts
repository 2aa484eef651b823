/**
 * Remembers the elements of our tables between looks: tens of thousands take a second to list, so they are listed only
 * when somebody else may have changed them. What nft accepted from us, in one transaction, counts as seen.
 */

import type { ElementsBySet } from '../kernel/nft-parse.js';
import type { Snapshot } from '../kernel/snapshot.js';
import type { HostState, NftElement } from '../state/resources.js';
import { type Change, subjectOf } from './diff.js';

interface Remembered {
  /** Of the skeleton they were listed with. */
  readonly digest: string;
  readonly elements: ElementsBySet;
}

export interface ElementMemory {
  /** Those of the tables whose elements have to be listed. */
  unknown(tables: readonly string[]): string[];
  /**
   * The snapshot with the elements of all tables: those it listed are taken in, the rest is remembered. Null where
   * they have to be listed (again): a table is another one than was remembered, or `forget` was called since `unknown`,
   * while the listing was under way.
   */
  complete(snapshot: Snapshot, listed: readonly string[]): Snapshot | null;
  /**
   * Takes in changes that were applied; tables that were replaced are listed at the next look. With `desired`, which says
   * that nothing else was to be changed, what is desired is what there is.
   */
  apply(changes: readonly Change[], desired: HostState | null): void;
  forget(): void;
}

export function createElementMemory(): ElementMemory {
  const memory = new Map<string, Remembered>();
  let isListingStale = false;
  return {
    unknown(tables) {
      isListingStale = false;
      return tables.filter((name) => !memory.has(name));
    },
    complete(snapshot, listed) {
      if (isListingStale) return null;
      for (const name of listed) {
        const listing = snapshot.tables.get(name);
        if (listing !== undefined) memory.set(name, listing);
      }
      // One that is gone may come back with other elements.
      for (const name of memory.keys()) if (!snapshot.tables.has(name)) memory.delete(name);
      const tables = [...snapshot.tables].map(([name, listing]) => {
        const known = memory.get(name);
        return known?.digest === listing.digest ? ([name, known] as const) : null;
      });
      if (tables.includes(null)) {
        memory.clear();
        return null;
      }
      return { ...snapshot, tables: new Map(tables.filter((entry) => entry !== null)) };
    },
    apply(changes, desired) {
      for (const subject of changes.map(subjectOf)) if (subject.kind === 'nft-table') memory.delete(subject.name);
      const elements = changes.flatMap((change) => {
        const subject = subjectOf(change);
        return subject.kind === 'nft-element' ? [{ element: subject, isGone: change.kind === 'delete' }] : [];
      });
      for (const [name, known] of memory) {
        const own = elements.filter(({ element }) => element.table === name);
        if (own.length === 0) continue;
        const after = desired === null ? changed(known.elements, own) : elementsOf(desired, name);
        memory.set(name, { ...known, elements: after });
      }
    },
    forget() {
      memory.clear();
      isListingStale = true;
    },
  };
}

/** The very maps that are desired: comparing them again costs nothing. */
function elementsOf(desired: HostState, table: string): ElementsBySet {
  return new Map(
    [...desired.values()].flatMap((resource) =>
      resource.kind === 'nft-elements' && resource.table === table ? [[resource.set, resource.elements] as const] : [],
    ),
  );
}

function changed(
  before: ElementsBySet,
  changes: readonly { readonly element: NftElement; readonly isGone: boolean }[],
): ElementsBySet {
  const after = new Map<string, Map<string, string | null>>();
  for (const { element, isGone } of changes) {
    const { set, key, value } = element;
    let elements = after.get(set);
    if (elements === undefined) {
      elements = new Map(before.get(set) ?? []);
      after.set(set, elements);
    }
    if (isGone) elements.delete(key);
    else elements.set(key, value);
  }
  return new Map([...before, ...after]);
}
