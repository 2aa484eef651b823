/** Reads offered specs, each once: of ten thousand only those are parsed that the offer before did not have. */

import { RelayError } from '@homeward/shared/errors/relay-error';
import { type Forward, parseForward } from '@homeward/shared/net/forward-spec';

/** A spec that cannot be read (of a newer relay, perhaps) is no error: the rest still works. */
export type ReadForward =
  | { readonly spec: string; readonly forward: Forward }
  | { readonly spec: string; readonly problem: string };

/** `relay` is its controller key: each relay's last specs are remembered. */
export type ForwardReader = (relay: string, specs: readonly string[]) => readonly ReadForward[];

interface LastRead {
  /** Compared by identity: a stored offer is never changed but replaced. */
  readonly specs: readonly string[];
  readonly read: readonly ReadForward[];
  readonly bySpec: ReadonlyMap<string, ReadForward>;
}

export function createForwardReader(): ForwardReader {
  const lastRead = new Map<string, LastRead>();
  return (relay, specs) => {
    const last = lastRead.get(relay);
    if (last?.specs === specs) return last.read;
    const read = specs.map((spec) => last?.bySpec.get(spec) ?? readForward(spec));
    lastRead.set(relay, { specs, read, bySpec: new Map(read.map((one) => [one.spec, one])) });
    return read;
  };
}

function readForward(spec: string): ReadForward {
  try {
    return { spec, forward: parseForward(spec) };
  } catch (error) {
    if (error instanceof RelayError) return { spec, problem: error.message };
    throw error;
  }
}
