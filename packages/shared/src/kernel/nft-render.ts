/** Renders nft scripts: one transaction for the skeletons of tables and the elements of their sets (nft(8)). */

import type { NftElement, NftTable } from '../state/resources.js';
import { digest } from './digest.js';

/** How many elements go into one `add element` line: nft's parser slows down on very long ones. */
const ELEMENTS_A_LINE = 500;

/** What one `nft -f -` is to do; an empty transaction renders to an empty script. */
export interface NftTransaction {
  /** Tables to put in place, replaced atomically where they exist. */
  readonly replace: readonly NftTable[];
  /** Names of tables to remove. */
  readonly remove: readonly string[];
  readonly addElements: readonly NftElement[];
  readonly deleteElements: readonly NftElement[];
}

/** A table noun from its body; the fingerprint is the body's digest. */
export function nftTable(name: string, body: string): NftTable {
  return { kind: 'nft-table', name, body, fingerprint: digest(body) };
}

/** The script of a transaction. Deletions stand before additions, so that a map element can change its value. */
export function renderNft(transaction: NftTransaction): string {
  const lines: string[] = [];
  for (const name of transaction.remove) lines.push(`delete table inet ${name}`);
  for (const table of transaction.replace) {
    // `destroy table` needs nft 1.0.7: declaring the table first makes the delete safe where it does not exist.
    lines.push(`table inet ${table.name} {}`, `delete table inet ${table.name}`);
    lines.push(`table inet ${table.name} {`, table.body, '}');
  }
  lines.push(...elementLines('delete', transaction.deleteElements, keyText));
  lines.push(...elementLines('add', transaction.addElements, elementText));
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}

function elementText(element: NftElement): string {
  return element.value === null ? keyText(element) : `${keyText(element)} : ${element.value}`;
}

/** What a key of our sets can begin with beside a link's name: a transport, an address, a port, or a range or prefix of these. */
const NO_NAME = /^(tcp|udp|[\d./-]+|.*:.*)$/;

/** Names of links go in quotes: some (`6in4`, `map`, `0x1`) would be read as something else. */
function keyText({ key }: NftElement): string {
  const end = key.indexOf(' ');
  const first = end === -1 ? key : key.slice(0, end);
  return NO_NAME.test(first) ? key : `"${first}"${key.slice(first.length)}`;
}

function elementLines(
  verb: 'add' | 'delete',
  elements: readonly NftElement[],
  render: (element: NftElement) => string,
): string[] {
  const bySet = new Map<string, string[]>();
  for (const element of elements) {
    const place = `inet ${element.table} ${element.set}`;
    const texts = bySet.get(place) ?? [];
    texts.push(render(element));
    bySet.set(place, texts);
  }
  return [...bySet].flatMap(([place, texts]) =>
    chunks(texts, ELEMENTS_A_LINE).map((chunk) => `${verb} element ${place} { ${chunk.join(', ')} }`),
  );
}

function chunks<Item>(items: readonly Item[], size: number): Item[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}
