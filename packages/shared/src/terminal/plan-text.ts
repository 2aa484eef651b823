/** Prints what a reconcile would change, and what a teardown did: the same words on both sides. */

import { RelayError } from '../errors/relay-error.js';
import { type Change, changeText } from '../reconcile/diff.js';
import type { Teardown } from '../reconcile/reconciler.js';
import type { Console } from './console.js';

/** More element lines than this are counted, not listed. */
const LISTED = 200;

export function printPlan(console: Console, changes: readonly Change[]): void {
  const lines = changes.map(changeText);
  console.document({ changes: lines });
  for (const line of lines.slice(0, LISTED)) console.line(line);
  if (lines.length > LISTED) console.line(`… and ${lines.length - LISTED} more`);
  if (lines.length === 0) console.line('nothing to change: the kernel is as it should be');
}

export function printTeardown(console: Console, teardown: Pick<Teardown, 'removed' | 'kept'>): void {
  console.document({ removed: teardown.removed, kept: teardown.kept });
  for (const line of teardown.removed) console.line(`- ${line}`);
  for (const line of teardown.kept) console.line(console.style('yellow', line));
  console.line(
    teardown.removed.length === 0
      ? 'nothing of homeward was in the kernel'
      : 'homeward is out of the kernel; its state is kept',
  );
}

/** Throws `command-failed` when something could not be removed. `program` names the side to repeat. */
export function throwTeardownErrors(errors: readonly RelayError[], program: string): void {
  const [first] = errors;
  if (first === undefined) return;
  throw new RelayError(
    'command-failed',
    `not everything could be removed: ${errors.map((error) => error.message).join('; ')}`,
    {
      hint: `mend that and run ${program} down again`,
      cause: first,
    },
  );
}
