/** The secret that each pairing's tunnel has besides its keys. */

import { randomBytes } from 'node:crypto';

/** 32 random bytes in base64, as `wg genpsk` makes them. */
export function newPresharedKey(): string {
  return randomBytes(32).toString('base64');
}
