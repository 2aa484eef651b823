/** One daemon of a kind per network namespace: an abstract unix socket, which the kernel keeps per namespace and drops with the process (unix(7)). */

import { createServer } from 'node:net';
import { RelayError } from '../errors/relay-error.js';
import type { Lock } from '../host/state-lock.js';

/** Takes this lock and that of the state for this process's life; throws `conflict` when another process has one of them. */
export async function takeLocks(program: string, side: { lock(): Promise<Lock> }): Promise<Lock> {
  const instance = await takeInstanceLock(program);
  try {
    const state = await side.lock();
    return { release: () => Promise.all([state.release(), instance.release()]).then(() => undefined) };
  } catch (error) {
    await instance.release();
    throw error;
  }
}

/** Takes the lock for this process's life; throws `conflict` when another daemon holds it. */
export async function takeInstanceLock(program: string): Promise<Lock> {
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EADDRINUSE') return reject(error);
      reject(
        new RelayError('conflict', `another ${program} daemon runs in this network namespace`, {
          hint: `see it with: ${program} status (with the --run-dir it was started with)`,
        }),
      );
    });
    server.listen(`\0homeward-${program}`, () => resolve());
  });
  server.unref();
  return { release: () => new Promise((resolve) => server.close(() => resolve())) };
}
