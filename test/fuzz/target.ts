/** What is fuzzed: something that reads foreign input, with what it may do and what it must not. */

import { isDeepStrictEqual } from 'node:util';
import { type ErrorCode, RelayError } from '@homeward/shared/errors/relay-error';
import type { Random } from './random.js';

export interface Target {
  readonly name: string;
  /** An input, made from real ones. */
  make(random: Random): Buffer;
  /** Returns for a value or a refusal that is allowed; throws for everything else, which is a finding. */
  run(input: Buffer): void;
  /** How many executions of an average target one of this stands for: arithmetic of handshakes takes its time. */
  readonly cost?: number;
}

/** What `read` gives, or null where it refuses with one of the codes; any other error is a finding and goes on. */
export function valueOr<Value>(codes: readonly ErrorCode[], read: () => Value): Value | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof RelayError && codes.includes(error.code)) return null;
    throw error;
  }
}

/** A finding unless both are the same. */
export function mustEqual(what: string, actual: unknown, expected: unknown): void {
  if (!isDeepStrictEqual(actual, expected)) {
    throw new Error(`${what}: ${short(actual)} is not ${short(expected)}`);
  }
}

/** A finding where a parsed value holds what is no number, which compares and renders as nonsense. */
export function mustHaveNumbers(value: unknown): void {
  if (typeof value === 'number' && !Number.isFinite(value)) throw new Error(`a value holds ${value}`);
  if (typeof value !== 'object' || value === null) return;
  const parts = value instanceof Map ? [...value.entries()] : Object.values(value);
  for (const part of parts) mustHaveNumbers(part);
}

function short(value: unknown): string {
  return (JSON.stringify(value) ?? String(value)).slice(0, 300);
}
