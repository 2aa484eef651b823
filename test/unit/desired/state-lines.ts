/** A HostState as lines, as a plan would tell them. */

import { eachElement, keyOf, textOf } from '@homeward/shared/state/describe';
import type { HostState, NftElement, Resource } from '@homeward/shared/state/resources';
import { elementLine } from '../kernel/element-lines.js';

/** Every element of a state, one by one. */
export function elementsOf(state: HostState): NftElement[] {
  return [...state.values()].flatMap((resource) => (resource.kind === 'nft-elements' ? eachElement(resource) : []));
}

/** Everything but elements: `key text`, of skeletons without the digest. */
export function coarseLines(state: HostState): string[] {
  return [...state.values()].flatMap((resource) =>
    resource.kind === 'nft-elements' ? [] : [lineOf(resource).replace(/ skeleton .*/, ' skeleton')],
  );
}

/** The elements: `set { key : value }`. */
export function elementLines(state: HostState): string[] {
  return elementsOf(state).map(elementLine);
}

/** The text of one resource that is no set of elements; null where it is not there. */
export function textAt(state: HostState, key: string): string | null {
  const found = state.get(key);
  return found === undefined || found.kind === 'nft-elements' ? null : textOf(found);
}

function lineOf(resource: Resource): string {
  return `${keyOf(resource)} ${textOf(resource)}`.trimEnd();
}
