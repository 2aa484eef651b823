/** Who listens on probed ports, and why a client could not reach it. Pure. */

import type { Listener } from '@homeward/shared/kernel/sockets';
import { port } from '@homeward/shared/net/port';
import type { Observed } from '@homeward/shared/protocol/messages';
import { unreachableReason } from '../desired/delivery.js';
import type { WatchedPort } from './observer.js';

export function listenersOf(watch: readonly WatchedPort[], listeners: readonly Listener[]): Observed['listeners'] {
  return watch.flatMap((watched) => {
    const found = listeners.find(
      (listener) => listener.transport === watched.transport && listener.port === watched.port,
    );
    if (found === undefined) return [];
    const problem = unreachableReason(
      { transport: watched.transport, publicPort: port(watched.port), targetPort: port(watched.port) },
      listeners,
    );
    return [{ ...watched, program: found.program.slice(0, 100), problem }];
  });
}
