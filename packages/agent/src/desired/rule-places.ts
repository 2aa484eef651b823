/** Where the rules stand that must come before everybody else's: below rules of others that would take our replies (mwan3 begins at 1001). Pure. */

import type { ListedRule } from '@homeward/shared/kernel/iproute-parse';
import type { Family } from '@homeward/shared/net/address';
import { MAX_SLOT, ROUTE_PROTOCOL, type RulePlaces, USUAL_RULE_PLACES } from '@homeward/shared/net/allocation';

/** `slots` are those in use: where it is narrow, their blocks are no wider than they need. */
export function rulePlaces(
  rules: readonly ListedRule[],
  slots: readonly number[],
): Readonly<Record<Family, RulePlaces>> {
  const ofFamily = (family: Family) =>
    placesOf(
      rules.filter((rule) => rule.family === family),
      Math.max(0, ...slots),
    );
  return { ipv4: ofFamily('ipv4'), ipv6: ofFamily('ipv6') };
}

/** The usual places also where no room is left before the first foreign rule: the probe then tells by which link a reply left. */
function placesOf(rules: readonly ListedRule[], highestSlot: number): RulePlaces {
  const usualEnd = USUAL_RULE_PLACES.reply + MAX_SLOT;
  const first = Math.min(...rules.filter(mayTakeReplies).map(({ priority }) => priority));
  if (first > usualEnd) return USUAL_RULE_PLACES;
  const width = highestSlot + 1;
  const arrival = first - 1 - 2 * width;
  return arrival < 0 ? USUAL_RULE_PLACES : { arrival, reply: arrival + width, landing: arrival + 2 * width };
}

/** What only looks whether a packet is for this machine takes none, nor do the kernel's own rules for VRFs (l3mdev). */
function mayTakeReplies({ priority, protocol, action, table }: ListedRule): boolean {
  if (priority === 0 || protocol === String(ROUTE_PROTOCOL)) return false;
  return table === null ? action?.kind === 'goto' || action?.kind === 'blackhole' : table !== 'local';
}
