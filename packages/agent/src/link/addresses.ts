/** Addresses of a host, as this machine's resolver gives them. */

import { lookup } from 'node:dns/promises';

/** In the resolver's order; an address is its own. None where the name cannot be resolved now. */
export async function addressesOf(host: string): Promise<string[]> {
  return (await lookup(host, { all: true }).catch(() => [])).map(({ address }) => address);
}
