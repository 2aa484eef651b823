/** A daemon's local API: HTTP on a unix socket that only its own user may open; answers are JSON lines, events first, the outcome last. */

import { chmod, mkdir, unlink } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { dirname } from 'node:path';
import type { z } from 'zod';
import { RelayError, toRelayError } from '../errors/relay-error.js';
import { type Caller, UNKNOWN_CALLER } from './caller.js';

/** A request is a few forward specs; ten thousand of them stay below this. */
const REQUEST_LIMIT_BYTES = 4 * 1024 * 1024;

export interface CallContext {
  /** Streams one event to the caller. */
  emit(event: Record<string, unknown>): void;
  /** Aborts when the caller hangs up. */
  readonly signal: AbortSignal;
  /** The process that asks, as far as it can be known; never rejects. Looked for when it is first asked for. */
  caller(): Promise<Caller>;
  /** Runs something once the caller has its answer, or has hung up. */
  afterwards(action: () => void): void;
}

export interface ApiCommand {
  readonly run: (args: unknown, context: CallContext) => Promise<unknown>;
}

/** A command from its argument schema and what it does. */
export function apiCommand<Args>(
  schema: z.ZodType<Args>,
  run: (args: Args, context: CallContext) => Promise<unknown>,
): ApiCommand {
  return {
    run: (input, context) => {
      const parsed = schema.safeParse(input);
      if (parsed.success) return run(parsed.data, context);
      const issue = parsed.error.issues[0];
      throw new RelayError('bad-input', `${issue?.path.join('.') || 'arguments'}: ${issue?.message ?? 'wrong'}`);
    },
  };
}

/** Serves the commands on the socket (mode 0600) until closed. `identify` finds out who is at a socket's other end. */
export async function serveApi(
  socketPath: string,
  commands: Readonly<Record<string, ApiCommand>>,
  identify: (socket: Socket) => Promise<Caller> = async () => UNKNOWN_CALLER,
): Promise<{ close(): Promise<void> }> {
  const server = createServer((request, response) => {
    answer(commands, identify, request, response).catch(() => response.destroy());
  });
  await mkdir(dirname(socketPath), { recursive: true, mode: 0o755 });
  // The caller holds the instance lock, so that a socket file found here is a dead daemon's.
  await unlink(socketPath).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
  await listen(server, socketPath);
  await chmod(socketPath, 0o600);
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function listen(server: Server, socketPath: string): Promise<void> {
  // Between bind and chmod the socket must not be open to others either.
  const before = process.umask(0o177);
  return new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(socketPath, () => resolve());
  }).finally(() => process.umask(before));
}

async function answer(
  commands: Readonly<Record<string, ApiCommand>>,
  identify: (socket: Socket) => Promise<Caller>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const aborter = new AbortController();
  response.on('close', () => aborter.abort());
  response.writeHead(200, { 'content-type': 'application/x-ndjson' });
  const emit = (line: Record<string, unknown>) => {
    if (!response.destroyed) response.write(`${JSON.stringify(line)}\n`);
  };
  let caller: Promise<Caller> | null = null;
  try {
    const name = (request.url ?? '').slice(1);
    const found = Object.hasOwn(commands, name) ? commands[name] : undefined;
    if (found === undefined) throw new RelayError('bad-input', `the daemon does not know the command ${name}`);
    const args = JSON.parse(await body(request));
    const result = await found.run(args, {
      emit: (event) => emit({ event }),
      signal: aborter.signal,
      caller: () => (caller ??= identify(request.socket)),
      afterwards: (action) => response.on('close', action),
    });
    emit({ result: result ?? null });
  } catch (error) {
    const { code, message, hint, details } = toRelayError(error);
    emit({ error: { code, message, hint: hint ?? null, details } });
  }
  response.end();
}

async function body(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > REQUEST_LIMIT_BYTES) throw new RelayError('bad-input', 'the request is too long');
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}
