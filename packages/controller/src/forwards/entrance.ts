/** Whether clients can come in by a forward at all. Pure. */

import { familyOf, type IpAddress } from '@homeward/shared/net/address';
import type { Forward } from '@homeward/shared/net/forward-spec';

/**
 * Why nothing comes by a forward that names an address which is none of `own`, the relay's at present; null when it is one of
 * them. The forward works as soon as the address is there: as a failover address that is another machine's meanwhile.
 */
export function missingAddress({ address }: Pick<Forward, 'address'>, own: readonly IpAddress[]): string | null {
  if (address === null || own.includes(address)) return null;
  const missing = `this relay has no address ${address} at present`;
  const others = own.filter((candidate) => familyOf(candidate) === familyOf(address));
  if (others.length === 0) return missing;
  return `${missing}, only ${others.join(', ')}; where a cloud maps a public address to one of these, name that one, or none`;
}
