/** Asks the kernel for its choice of source addresses, again only when something changed that it may depend on. */

import type { Runner } from '@homeward/shared/host/runner';
import { askWays } from '@homeward/shared/kernel/route-get';
import type { Snapshot } from '@homeward/shared/kernel/snapshot';
import type { Family, IpAddress } from '@homeward/shared/net/address';
import { isSlotLink } from '@homeward/shared/net/allocation';
import { sourceQuestions } from '../desired/source-addresses.js';

export type SourceOracle = (
  snapshot: Snapshot,
  families: readonly Family[],
) => Promise<ReadonlyMap<IpAddress, IpAddress>>;

export function createSourceOracle(runner: Runner): SourceOracle {
  let last: { readonly about: string; readonly answers: ReadonlyMap<IpAddress, IpAddress> } | null = null;
  return async (snapshot, families) => {
    const { links, routes, rules } = snapshot;
    const about = JSON.stringify([families, links, routes, rules]);
    if (last?.about !== about) {
      const questions = families.flatMap((family) => sourceQuestions(snapshot, family, isSlotLink));
      const ways = await askWays(
        runner,
        questions.map(({ destination }) => destination),
      );
      last = { about, answers: new Map([...ways].map(([destination, { source }]) => [destination, source])) };
    }
    return last.answers;
  };
}
