/** Cuts many probes into rounds that a machine can carry and a backend can watch. Pure. */

/** Sockets of the synthetic client at once: below the 1,024 descriptors a process may have, and what an `observe` lists. */
export const ROUND_SIZE = 400;

/** A part of one target's probes. */
export interface Portion<Target, Item> {
  readonly target: Target;
  readonly items: readonly Item[];
}

/** Every round has at most one portion of a target and, a single portion aside, at most `size` items; a portion counts `extra` ones that each has. */
export function roundsOf<Target, Item>(
  work: readonly Portion<Target, Item>[],
  size: number = ROUND_SIZE,
  extra = 0,
): Portion<Target, Item>[][] {
  const portions = work.flatMap(({ target, items }) => {
    // A target without anything to probe still has a portion: its echo is probed in it.
    const count = Math.max(1, Math.ceil(items.length / size));
    return Array.from({ length: count }, (_, index) => ({
      target,
      items: items.slice(index * size, (index + 1) * size),
    }));
  });
  const rounds: Portion<Target, Item>[][] = [];
  let room = 0;
  for (const portion of portions) {
    const round = rounds.at(-1);
    const cost = Math.max(1, portion.items.length + extra);
    if (round === undefined || cost > room || round.some(({ target }) => target === portion.target)) {
      rounds.push([portion]);
      room = size - cost;
    } else {
      round.push(portion);
      room -= cost;
    }
  }
  return rounds;
}
