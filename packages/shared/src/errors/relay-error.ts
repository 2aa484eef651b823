/** The one error type of homeward: a closed code that decides the exit code, a message for people, a hint on what to do. */

/** Every code with the exit code of the product contract: 1 no, 2 bad input, 3 no daemon, 4 machine lacks something, 130 interrupted. */
const EXIT_CODES = {
  'bad-input': 2,
  conflict: 2,
  'not-found': 2,
  refused: 1,
  timeout: 1,
  unreachable: 1,
  'probe-failed': 1,
  'rolled-back': 1,
  'command-failed': 1,
  protocol: 1,
  'no-daemon': 3,
  'missing-capability': 4,
  permission: 4,
  'bad-state': 4,
  interrupted: 130,
  bug: 1,
} as const satisfies Record<string, number>;

export type ErrorCode = keyof typeof EXIT_CODES;

export interface ErrorContext {
  /** What the reader should do next, one sentence or command. */
  hint?: string | undefined;
  cause?: unknown;
  /** Facts for `--debug`. Never a secret. */
  details?: Record<string, unknown> | undefined;
}

export class RelayError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly details: Record<string, unknown>;

  constructor(code: ErrorCode, message: string, context: ErrorContext = {}) {
    super(message, context.cause === undefined ? undefined : { cause: context.cause });
    this.name = 'RelayError';
    this.code = code;
    this.hint = context.hint;
    this.details = context.details ?? {};
  }
}

/** The process exit code for an error code. */
export function exitCodeOf(code: ErrorCode): number {
  return EXIT_CODES[code];
}

/** True for a string that is one of the closed codes; used where an error crosses a process border. */
export function isErrorCode(value: string): value is ErrorCode {
  return Object.hasOwn(EXIT_CODES, value);
}

/** Any thrown value as a RelayError; a foreign error is a bug of ours until someone gives it a code. */
export function toRelayError(error: unknown): RelayError {
  if (error instanceof RelayError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new RelayError('bug', message, { cause: error });
}
