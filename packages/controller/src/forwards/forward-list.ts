/** A backend's list of forwards with one more or one less. Pure. */

import { RelayError } from '@homeward/shared/errors/relay-error';
import { type Forward, formatForward, parseForward } from '@homeward/shared/net/forward-spec';

/** The forwards with one more; unchanged when it is there already, also as part of another. Adding 53/udp to 53/tcp gives 53/tcp+udp. */
export function withForward(specs: readonly string[], added: Forward): string[] {
  const merged = mergeTransports([...specs.map(parseForward), added]);
  return merged.map(formatForward);
}

/** The forwards without one; removing 53/udp from 53/tcp+udp leaves 53/tcp. Throws `not-found` when nothing of it is set. */
export function withoutForward(backend: string, specs: readonly string[], removed: Forward): string[] {
  let touched = false;
  const left = specs.map(parseForward).flatMap((forward) => {
    if (!sameExceptTransports(forward, removed)) return [formatForward(forward)];
    const transports = forward.transports.filter((transport) => !removed.transports.includes(transport));
    if (transports.length < forward.transports.length) touched = true;
    return transports.length === 0 ? [] : [formatForward({ ...forward, transports })];
  });
  if (!touched) {
    throw new RelayError('not-found', `backend "${backend}" has no forward ${formatForward(removed)}`, {
      hint: specs.length === 0 ? 'it has none' : `it has: ${specs.join(' ')}`,
    });
  }
  return left;
}

function mergeTransports(forwards: readonly Forward[]): Forward[] {
  const merged: Forward[] = [];
  for (const forward of forwards) {
    const at = merged.findIndex((other) => sameExceptTransports(other, forward));
    const found = merged[at];
    if (found === undefined) merged.push(forward);
    else {
      const both = (['tcp', 'udp'] as const).filter(
        (t) => found.transports.includes(t) || forward.transports.includes(t),
      );
      merged[at] = { ...found, transports: both };
    }
  }
  return merged;
}

/** True for forwards of the same ports, address and target. */
export function sameExceptTransports(a: Forward, b: Forward): boolean {
  return formatForward({ ...a, transports: ['tcp'] }) === formatForward({ ...b, transports: ['tcp'] });
}
