/** Deterministic random numbers: the same words give the same numbers, on every machine. */

export interface Random {
  /** From 0 to below `bound`. */
  below(bound: number): number;
  pick<Item>(items: readonly Item[]): Item;
  /** True once in `times`. */
  once(times: number): boolean;
}

/** Mulberry32 over a hash (FNV-1a) of the words. */
export function randomOf(...words: readonly (string | number)[]): Random {
  let state = hash(words.join('\0'));
  const next = (): number => {
    state = (state + 0x6d2b_79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  const below = (bound: number): number => Math.floor(next() * bound);
  return {
    below,
    once: (times) => below(times) === 0,
    pick(items) {
      const item = items[below(items.length)];
      if (item === undefined) throw new Error('nothing to pick from');
      return item;
    },
  };
}

function hash(text: string): number {
  let value = 0x811c_9dc5;
  for (let index = 0; index < text.length; index += 1) value = Math.imul(value ^ text.charCodeAt(index), 0x0100_0193);
  return value;
}
