/**
 * One daemon of a kind per network namespace: an abstract unix socket, which the kernel keeps per namespace and drops
 * with the process (unix(7)). A guard that goes back in a daemon's place holds it meanwhile, and says so to who asks.
 */

import { connect, createServer, type Socket } from 'node:net';
import { RelayError } from '../errors/relay-error.js';
import type { Lock } from '../host/state-lock.js';

/** Takes this lock and that of the state for this process's life; throws `conflict` when another process has one of them. */
export async function takeLocks(program: string, side: { lock(): Promise<Lock> }): Promise<Lock> {
  const instance = await takeInstanceLock(program);
  try {
    return both(await side.lock(), instance);
  } catch (error) {
    await instance.release();
    throw error;
  }
}

function both(...locks: readonly Lock[]): Lock {
  return { release: () => Promise.all(locks.map((lock) => lock.release())).then(() => undefined) };
}

/** What a rollback says to whoever connects; a daemon says nothing. */
const ROLLBACK = 'rollback\n';
/** Going back is a round or some of reconciling; who needs longer than this hangs. */
const ROLLBACK_LIMIT_MS = 60_000;

/**
 * Takes the lock for this process's life. A rollback that is running is waited for, a minute at most; throws `conflict`
 * when another daemon holds it.
 */
export async function takeInstanceLock(program: string): Promise<Lock> {
  const deadline = performance.now() + ROLLBACK_LIMIT_MS;
  for (;;) {
    const lock = await tryLock(program, null);
    if (lock !== null) return lock;
    if (performance.now() > deadline || !(await rollbackEnded(program, deadline - performance.now()))) break;
  }
  throw new RelayError('conflict', `another ${program} daemon runs in this network namespace`, {
    hint: `see it with: ${program} status (with the --run-dir it was started with)`,
  });
}

/** Takes both locks for a rollback in the place of a daemon that is not there; null while somebody has one of them. */
export async function takeLockToGoBack(program: string, side: { lock(): Promise<Lock> }): Promise<Lock | null> {
  const instance = await tryLock(program, ROLLBACK);
  if (instance === null) return null;
  try {
    return both(await side.lock(), instance);
  } catch (error) {
    await instance.release();
    if (error instanceof RelayError && error.code === 'conflict') return null;
    throw error;
  }
}

async function tryLock(program: string, greeting: string | null): Promise<Lock | null> {
  const asking = new Set<Socket>();
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    if (greeting === null) return socket.destroy();
    asking.add(socket);
    socket.write(greeting);
    return undefined;
  });
  const isOurs = await new Promise<boolean>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(false) : reject(error),
    );
    server.listen(address(program), () => resolve(true));
  });
  if (!isOurs) return null;
  server.unref();
  return {
    release: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        // Their end tells those who wait.
        for (const socket of asking) socket.destroy();
      }),
  };
}

/** False when the holder is no rollback, or has not ended in time; a holder that is gone by now has ended. */
function rollbackEnded(program: string, limitMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    let said = '';
    const socket = connect(address(program));
    const timer = setTimeout(() => {
      said = '';
      socket.destroy();
    }, limitMs);
    socket.on('data', (part) => {
      said += String(part);
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED') said = ROLLBACK;
    });
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(said === ROLLBACK);
    });
  });
}

function address(program: string): string {
  return `\0homeward-${program}`;
}
