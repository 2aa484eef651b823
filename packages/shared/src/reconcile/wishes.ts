/** Tells a new wish from somebody else's change. Pure. */

import { elementsKey, keyOf, textOf } from '../state/describe.js';
import type { HostState, Resource } from '../state/resources.js';
import { type Change, subjectOf } from './diff.js';

/** Those of the changes whose resources are now desired otherwise than at the last run. */
export function newWishes(changes: readonly Change[], desired: HostState, lastDesired: HostState): Change[] {
  return changes.filter((change) => {
    const subject = subjectOf(change);
    return wishOf(desired, subject) !== wishOf(lastDesired, subject);
  });
}

/** Of those what can be brought about by a reconciler that watches and does not mend. */
export function possibleWishes(changes: readonly Change[], desired: HostState, lastDesired: HostState): Change[] {
  const wishes = newWishes(changes, desired, lastDesired);
  // An element cannot be put into a table that somebody removed and that is not to be mended.
  const lost = new Set(
    changes.flatMap(({ kind, key }) => (kind === 'create' && key.startsWith('table ') ? [key] : [])),
  );
  const isPossible = (change: Change): boolean => {
    const subject = subjectOf(change);
    const table = subject.kind === 'nft-element' ? `table inet ${subject.table}` : '';
    return !lost.has(table) || wishes.some(({ key }) => key === table);
  };
  return wishes.filter(isPossible);
}

/** How a resource is desired, as a text; null where it is not. */
function wishOf(desired: HostState, subject: Resource): string | null {
  if (subject.kind === 'nft-element') {
    const gathered = desired.get(elementsKey(subject.table, subject.set));
    const value = gathered?.kind === 'nft-elements' ? gathered.elements.get(subject.key) : undefined;
    return value === undefined ? null : (value ?? '');
  }
  const resource = desired.get(keyOf(subject));
  return resource === undefined || resource.kind === 'nft-elements' ? null : textOf(resource);
}
