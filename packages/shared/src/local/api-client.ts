/** Calls a daemon on its unix socket. */

import { request } from 'node:http';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { isErrorCode, RelayError } from '../errors/relay-error.js';

const answerLine = z.union([
  z.object({ event: z.record(z.string(), z.unknown()) }),
  z.object({
    error: z.object({
      code: z.string(),
      message: z.string(),
      hint: z.string().nullable(),
      details: z.record(z.string(), z.unknown()),
    }),
  }),
  z.object({ result: z.unknown() }),
]);

export interface Daemon {
  readonly socketPath: string;
  /** `controller` or `agent`. */
  readonly program: string;
  /** How to start it, for the message when it does not run. */
  readonly startHint: string;
}

/**
 * Gives the command's result; `onEvent` gets what comes before. Throws what the daemon threw, `no-daemon` when it does
 * not run or goes away, `permission` when its socket is not ours to open, `interrupted` on abort.
 */
export async function callDaemon(
  daemon: Daemon,
  command: string,
  args: unknown,
  onEvent: (event: Record<string, unknown>) => void,
  signal?: AbortSignal,
): Promise<unknown> {
  for await (const line of lines(daemon, command, args, signal)) {
    const answer = answerLine.parse(JSON.parse(line));
    if ('event' in answer) onEvent(answer.event);
    else if ('error' in answer) throw remoteError(answer.error);
    else return answer.result;
  }
  if (signal?.aborted === true) throw new RelayError('interrupted', 'interrupted');
  throw new RelayError('no-daemon', `the ${daemon.program} daemon stopped before it answered`, {
    hint: `start it: ${daemon.startHint}`,
  });
}

function remoteError(error: {
  code: string;
  message: string;
  hint: string | null;
  details: Record<string, unknown>;
}): RelayError {
  const code = isErrorCode(error.code) ? error.code : 'bug';
  return new RelayError(code, error.message, { hint: error.hint ?? undefined, details: error.details });
}

async function* lines(daemon: Daemon, command: string, args: unknown, signal?: AbortSignal): AsyncGenerator<string> {
  const response = await new Promise<NodeJS.ReadableStream>((resolve, reject) => {
    const call = request(
      {
        socketPath: daemon.socketPath,
        path: `/${command}`,
        method: 'POST',
        ...(signal === undefined ? {} : { signal }),
      },
      resolve,
    );
    call.on('error', (error: NodeJS.ErrnoException) => reject(connectionError(daemon, error)));
    call.end(JSON.stringify(args));
  });
  try {
    yield* createInterface({ input: response, crlfDelay: Number.POSITIVE_INFINITY });
  } catch (error) {
    // The daemon went away in the middle, or the caller aborted: the end of the lines tells it.
    if ((error as NodeJS.ErrnoException).code !== 'ECONNRESET' && signal?.aborted !== true) throw error;
  }
}

function connectionError(daemon: Daemon, error: NodeJS.ErrnoException): RelayError {
  if (error.name === 'AbortError') return new RelayError('interrupted', 'interrupted');
  if (error.code === 'EACCES' || error.code === 'EPERM') {
    return new RelayError('permission', `not allowed to talk to the ${daemon.program} daemon`, { hint: 'run as root' });
  }
  return new RelayError('no-daemon', `the ${daemon.program} daemon is not running`, {
    hint: `start it: ${daemon.startHint}`,
    cause: error,
  });
}
