/** Elements of sets and maps as lines, in nft's notation. */

import type { ElementsBySet } from '@homeward/shared/kernel/nft-parse';
import type { NftElement } from '@homeward/shared/state/resources';

export function elementLine({ set, key, value }: Pick<NftElement, 'set' | 'key' | 'value'>): string {
  return `${set} { ${key}${value === null ? '' : ` : ${value}`} }`;
}

/** One line an element, in order of the text. */
export function linesOf(elements: ElementsBySet): string[] {
  return [...elements]
    .flatMap(([set, values]) => [...values].map(([key, value]) => elementLine({ set, key, value })))
    .sort();
}
