/**
 * Whether the listing of a table that was just loaded is that of the text it was loaded from. Somebody else may have
 * written to it in between, and what is taken for ours once is never mended. The same text was listed otherwise before:
 * that is such a case, unless it comes out alike again and again (another version of nft prints other words).
 */

/** So many loads in a row that are listed alike outweigh what was remembered. */
const ALIKE_LOADS = 3;

export interface ListingTrust {
  /** Whether to remember `digest` for the text of that fingerprint, `known` being what is remembered of the table. */
  accepts(
    table: string,
    loaded: { readonly fingerprint: string; readonly digest: string },
    known: { readonly fingerprint: string; readonly digest: string } | undefined,
  ): boolean;
}

export function createListingTrust(): ListingTrust {
  /** Of tables whose listing is in doubt. */
  const doubts = new Map<string, { readonly digest: string; readonly times: number }>();
  return {
    accepts(table, { fingerprint, digest }, known) {
      const isDoubtful = known?.fingerprint === fingerprint && known.digest !== digest;
      const before = doubts.get(table);
      const times = before?.digest === digest ? before.times + 1 : 1;
      if (isDoubtful && times < ALIKE_LOADS) {
        doubts.set(table, { digest, times });
        return false;
      }
      doubts.delete(table);
      return true;
    },
  };
}
