/** Reads offered specs, each once: of ten thousand only those are parsed that the offer before did not have. */

import { RelayError } from '@homeward/shared/errors/relay-error';
import { type Forward, parseForward } from '@homeward/shared/net/forward-spec';

/** A spec that cannot be read (of a newer relay, perhaps) is no error: the rest still works. */
export type ReadForward =
  | { readonly spec: string; readonly forward: Forward }
  | { readonly spec: string; readonly problem: string };

/** `relay` is its controller key: each relay's last specs are remembered. */
export type ForwardReader = (relay: string, specs: readonly string[]) => readonly ReadForward[];

export function createForwardReader(): ForwardReader {
  const lastRead = new Map<string, ReadonlyMap<string, ReadForward>>();
  return (relay, specs) => {
    const before = lastRead.get(relay);
    const read = specs.map((spec) => before?.get(spec) ?? readForward(spec));
    lastRead.set(relay, new Map(read.map((one) => [one.spec, one])));
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
