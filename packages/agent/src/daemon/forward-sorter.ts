/** Sorts offered forwards by the owner's policy, each once: of ten thousand only those are judged that the offer before did not have. */

import type { Forward } from '@homeward/shared/net/forward-spec';
import { type Remember, recompute, rememberEach } from '@homeward/shared/reconcile/plan-memory';
import { type OwnSide, type Policy, refusalReason, withoutSsh } from '../policy.js';
import type { ReadForward } from './forward-reader.js';

export interface SortedForwards {
  readonly allowed: readonly Forward[];
  readonly refused: readonly { readonly spec: string; readonly reason: string }[];
}

export type ForwardSorter = (offered: readonly ReadForward[], policy: Policy, own: OwnSide) => SortedForwards;

/** Remembers by identity: what was read is never changed but replaced. */
export function createForwardSorter(): ForwardSorter {
  const whole = rememberEach<readonly ReadForward[], SortedForwards>();
  const each = rememberEach<ReadForward, string | null>();
  return (offered, policy, own) => whole(aboutOf(policy, own))(offered, () => sortForwards(offered, policy, own, each));
}

/** Pure; `remember` saves judging again what was judged by the same policy on the same machine. */
export function sortForwards(
  offered: readonly ReadForward[],
  policy: Policy,
  own: OwnSide,
  remember: Remember<ReadForward, string | null> = recompute,
): SortedForwards {
  const judged = remember(aboutOf(policy, own));
  const allowed: Forward[] = [];
  const refused: { spec: string; reason: string }[] = [];
  for (const one of offered) {
    const reason = judged(one, () => reasonAgainst(one, policy, own));
    if (reason !== null) refused.push({ spec: one.spec, reason });
    else if ('forward' in one) {
      const without = withoutSsh(policy, one.forward, own);
      allowed.push(without.forward);
      refused.push(...without.refused);
    }
  }
  return { allowed, refused };
}

function reasonAgainst(one: ReadForward, policy: Policy, own: OwnSide): string | null {
  return 'problem' in one ? one.problem : refusalReason(policy, one.forward, own);
}

/** What a judgement depends on beside the forward. */
function aboutOf(policy: Policy, own: OwnSide): string {
  return JSON.stringify([policy, own]);
}
