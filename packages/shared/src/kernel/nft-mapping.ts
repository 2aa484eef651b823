/** Reads a set of `address . port` that packets fill and whose elements time out: the newest has the longest to live. Pure. */

import { z } from 'zod';
import { readListing } from './listing.js';

const element = z.object({
  elem: z.object({ val: z.object({ concat: z.tuple([z.string(), z.int()]) }), expires: z.number() }),
});

const listing = z.object({
  nftables: z.array(z.looseObject({ set: z.looseObject({ elem: z.array(element).optional() }).optional() })),
});

/** Of `nft -j list set …` the port last seen of an address, or null. */
export function newestMapping(json: string, address: string): number | null {
  return readListing('nft', () => newestOf(json, address));
}

function newestOf(json: string, address: string): number | null {
  const elements = listing.parse(JSON.parse(json)).nftables.flatMap(({ set }) => set?.elem ?? []);
  const own = elements.map(({ elem }) => elem).filter(({ val }) => val.concat[0] === address);
  const [newest] = own.sort((a, b) => b.expires - a.expires);
  return newest?.val.concat[1] ?? null;
}
