/** Which values other programs' rules give to packet and conntrack marks, or look for in them: read from the words of `nft list ruleset`, in which iptables' rules are as well. Pure. */

/** A value that somebody's rule uses. */
export interface MarkClaim {
  readonly value: number;
  /** The table's family and name. */
  readonly table: string;
  readonly chain: string;
}

const BLOCK = /^\s*(?<kind>table|chain) (?<name>.+) \{/;
/** An expression about marks, up to what is not a part of it. */
const EXPRESSION =
  /\bmark (?:(?:set|mark|ct|meta|and|or|xor|==|!=|[&|^(){},]|(?:0x[\da-f]+|\d+)(?:[-/,][\da-fx]*)*)(?: |$))+/g;
/** Each number with the word before it, and the second one of a range. */
const NUMBER = /(?<before>\S+) (?<first>0x[\da-f]+|\d+)(?:-(?<last>0x[\da-f]+|\d+))?/g;
const QUOTED = /"[^"]*"/g;

/** Of all tables but those. A mask claims nothing: it says which bits are meant. */
export function markClaims(listing: string, ownTables: readonly string[]): MarkClaim[] {
  const place = { table: '', chain: '' };
  return listing.split('\n').flatMap((line) => {
    const { kind, name = '' } = BLOCK.exec(line)?.groups ?? {};
    if (kind === 'table' || kind === 'chain') place[kind] = name;
    const isOwn = ownTables.some((own) => place.table === `inet ${own}`);
    if (isOwn || kind !== undefined) return [];
    return valuesIn(line.replace(QUOTED, '')).map((value) => ({ value, ...place }));
  });
}

function valuesIn(rule: string): number[] {
  return [...rule.matchAll(EXPRESSION)]
    .flatMap(([expression]) => [...expression.matchAll(NUMBER)])
    .flatMap(({ groups: { before, first, last } = {} }) => {
      const isMask = before === 'and' || before === '&';
      return isMask ? [] : [first, last].flatMap((text) => (text === undefined ? [] : [Number(text)]));
    })
    .filter((value) => value > 0 && value <= 0xffff_ffff);
}
