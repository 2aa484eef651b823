/** What a backend may not say of itself, since it is another's: a compromised agent can affect its own pairing only. Pure. */

import { FAMILIES, type IpAddress, parseIp } from '@homeward/shared/net/address';
import type { Applied } from '@homeward/shared/protocol/messages';
import type { Pairing, RelayState } from '../store/state.js';

/** The relay's own WireGuard key, or another pairing's: taking it would break theirs. */
export function isForeignKey(state: RelayState, agentKey: string, wireguardKey: string): boolean {
  if (wireguardKey === state.wireguard.publicKey) return true;
  return state.pairings.some((other) => other.agentKey !== agentKey && other.wireguardPublicKey === wireguardKey);
}

/**
 * An address that a backend claims on an external device and that cannot be its own, or null: clients would be sent
 * there. `isBehind` tells whether an address that is not this machine's lies behind one of its devices.
 */
export function foreignAddress(
  { pairings }: RelayState,
  { tunnel, name }: Pairing,
  { addresses }: Pick<Applied, 'addresses'>,
  isBehind: (device: string, address: IpAddress) => boolean,
): string | null {
  if (tunnel.kind !== 'external') return null;
  const claimed = FAMILIES.flatMap((family) => addresses?.[family] ?? []);
  const others = pairings.filter((other) => other.name !== name).map(({ applied }) => applied?.addresses);
  const isOthers = (address: string) => others.some((theirs) => FAMILIES.some((f) => theirs?.[f] === address));
  return claimed.find((address) => isOthers(address) || !isBehind(tunnel.device, parseIp(address))) ?? null;
}
