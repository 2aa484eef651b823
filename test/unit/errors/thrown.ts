/** The RelayError that something throws or rejects with; anything else, or nothing, fails the test. */

import { RelayError } from '@homeward/shared/errors/relay-error';

export function thrownBy(action: () => unknown): RelayError {
  try {
    action();
  } catch (error) {
    if (error instanceof RelayError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

export async function rejectionOf(promise: Promise<unknown>): Promise<RelayError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof RelayError) return error;
    throw error;
  }
  throw new Error('the promise was not rejected');
}
