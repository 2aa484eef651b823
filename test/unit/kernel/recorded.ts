/** Outputs recorded from nft 1.0.6, iproute2 6.1 and wireguard-tools in a network namespace; they lie beside the sources, tests run from dist. */

import { readFileSync } from 'node:fs';

export function recorded(name: string): string {
  return readFileSync(new URL(`../../../unit/kernel/recorded/${name}`, import.meta.url), 'utf8');
}
