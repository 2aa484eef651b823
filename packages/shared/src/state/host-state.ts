/** A HostState from resources as planners and parsers list them. Pure. */

import { elementsKey, keyOf } from './describe.js';
import { gatherAll } from './gather-elements.js';
import type { HostState, NftElement, NftElements, Resource } from './resources.js';

/** A later resource with the same key replaces the earlier. Of a set come either gathered elements or single ones. */
export function hostState(resources: readonly (Resource | NftElements)[]): HostState {
  const state = new Map<string, Exclude<Resource, NftElement> | NftElements>();
  const single: NftElement[] = [];
  for (const resource of resources) {
    if (resource.kind === 'nft-element') single.push(resource);
    else if (resource.kind === 'nft-elements') state.set(elementsKey(resource.table, resource.set), resource);
    else state.set(keyOf(resource), resource);
  }
  for (const gathered of gatherAll([single])) state.set(elementsKey(gathered.table, gathered.set), gathered);
  return state;
}
