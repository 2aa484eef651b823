/** Waits for a condition by asking again and again, with a limit: tests never sleep for a guessed time. */
import { setTimeout as pause } from 'node:timers/promises';
import { patient } from './patience.js';

/** How often a condition is asked; short against every limit, long against the cost of asking, which grows where limits do. */
const intervalMs = 20;

/**
 * Resolves with the first value of `ask` that is not undefined. After `limitMs` it throws, naming `what` and the last
 * error, so that a failed test says what it waited for.
 */
export const poll = async <T>(
  what: string,
  limitMs: number,
  ask: () => T | undefined | Promise<T | undefined>,
): Promise<T> => {
  const limit = patient(limitMs);
  const end = Date.now() + limit;
  let last: unknown;
  for (;;) {
    try {
      const value = await ask();
      if (value !== undefined) return value;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (Date.now() > end) {
      throw new Error(`waited ${limit} ms in vain for ${what}`, last === undefined ? {} : { cause: last });
    }
    await pause(patient(intervalMs));
  }
};
