/** What of others on this machine stands in the way of a slot's numbers: its link's name, its table, its rules, its mark. Pure. */

import type { ListedRule } from '@homeward/shared/kernel/iproute-parse';
import type { MarkClaim } from '@homeward/shared/kernel/mark-claims';
import type { Snapshot } from '@homeward/shared/kernel/snapshot';
import { MARK_MASK, ROUTE_PROTOCOL, slotNumbers } from '@homeward/shared/net/allocation';

/** What others use. */
export interface Claims {
  readonly snapshot: Pick<Snapshot, 'links' | 'routes' | 'rules'>;
  readonly marks: readonly MarkClaim[];
}

/** Says what it is, or null where the slot is free of others. `ownSlots` are in use by us: their links and marks are ours. */
export function slotObstacle(slot: number, { snapshot, marks }: Claims, ownSlots: readonly number[]): string | null {
  const held = slotHolder(slot, snapshot);
  if (held !== null) return held;
  const { mark, table, ruleLocal, ruleSource } = slotNumbers(slot);
  const rules = snapshot.rules.filter(isForeign);
  const rule = rules.find(
    (one) =>
      one.table === String(table) || [ruleLocal, ruleSource].includes(one.priority) || isMarkOf(one.fwmark, mark),
  );
  if (rule !== undefined) return `somebody else's rule ${rule.priority} (ip rule) uses what slot ${slot} needs`;
  const own = ownSlots.map((one) => slotNumbers(one).mark);
  // Of a field that is looked at bit by bit one bit in common is too many.
  const claim = marks.find(({ value }) => !own.includes(fieldOf(value)) && (value & mark) !== 0);
  if (claim === undefined) return null;
  return `table ${claim.table}, chain ${claim.chain} uses the mark 0x${claim.value.toString(16)}`;
}

/** What somebody has of what would be replaced if the slot's link and table were made: a link, or routes; null where there is nothing. */
export function slotHolder(slot: number, { links, routes }: Pick<Snapshot, 'links' | 'routes'>): string | null {
  const { link, table } = slotNumbers(slot);
  if (links.some(({ name }) => name === link)) return `a link named ${link} exists`;
  const isHeld = routes.filter(isForeign).some((route) => route.table === String(table));
  return isHeld ? `table ${table} has routes` : null;
}

function isForeign({ protocol }: { readonly protocol: string | null }): boolean {
  return protocol !== String(ROUTE_PROTOCOL);
}

/** Whether a rule for that mark takes packets of a slot, whatever the bits of others are. */
function isMarkOf(selector: ListedRule['fwmark'], mark: number): boolean {
  if (selector === null || fieldOf(selector.mask) === 0) return false;
  return fieldOf(selector.value & selector.mask) === fieldOf(mark & selector.mask) && fieldOf(selector.value) !== 0;
}

function fieldOf(mark: number): number {
  return (mark & MARK_MASK) >>> 0;
}
