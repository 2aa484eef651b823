/** Looks at what others use on this machine, before a slot is chosen. */

import { command } from '@homeward/shared/host/command';
import type { Runner } from '@homeward/shared/host/runner';
import { answerOf } from '@homeward/shared/kernel/answer';
import { markClaims } from '@homeward/shared/kernel/mark-claims';
import { NO_TABLES, takeSnapshot } from '@homeward/shared/kernel/snapshot';
import { BACKEND_TABLE, isSlotLink, RELAY_TABLE } from '@homeward/shared/net/allocation';
import type { Claims } from '../desired/slot-obstacles.js';

export async function lookAtClaims(runner: Runner): Promise<Claims> {
  const [snapshot, ruleset] = await Promise.all([
    takeSnapshot(runner, NO_TABLES, isSlotLink),
    answerOf(runner, command('nft', ['-s', '-t', 'list', 'ruleset'])),
  ]);
  return { snapshot, marks: markClaims(ruleset ?? '', [BACKEND_TABLE, RELAY_TABLE]) };
}
