/** What other programs print, read so that a listing nobody understands is that program's failure, not a bug of ours. Pure. */

import { z } from 'zod';
import { RelayError } from '../errors/relay-error.js';

/** Gives what `parse` makes of a listing; throws `command-failed` naming the program where its text, form or values are none that are known. */
export function readListing<Value>(program: string, parse: () => Value): Value {
  try {
    return parse();
  } catch (error) {
    if (!isAboutInput(error)) throw error;
    throw new RelayError(
      'command-failed',
      `${program} printed what homeward does not understand: ${problemOf(error)}`,
      {
        hint: `another version of ${program} than Debian's may be installed; see what it does: ${program} -V`,
        cause: error,
      },
    );
  }
}

function isAboutInput(error: unknown): error is Error {
  // Nested deeper than the stack: no listing of theirs is.
  const isTooDeep = error instanceof RangeError;
  return isTooDeep || error instanceof SyntaxError || error instanceof z.ZodError || error instanceof RelayError;
}

function problemOf(error: Error): string {
  if (!(error instanceof z.ZodError)) return error.message;
  const issue = error.issues[0];
  return `${issue?.path.join('.') || 'its content'}: ${issue?.message ?? 'unknown'}`;
}

/** A natural number as text or value, decimal or 0x…; throws `bad-input` for anything else, which would compare as nonsense. */
export function naturalNumber(text: string | number): number {
  const value = typeof text === 'number' || /^(\d+|0x[0-9a-f]+)$/i.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new RelayError('bad-input', `"${text}" is not a number`);
}
