/** Who listens on probed ports, and why a client could not reach it. Pure. */

import type { Listener } from '@homeward/shared/kernel/sockets';
import type { Family } from '@homeward/shared/net/address';
import type { Observed } from '@homeward/shared/protocol/messages';
import { plainText } from '@homeward/shared/protocol/plain-text';
import { unreachableReason } from '../desired/unreachable.js';
import type { WatchedPort } from './observer.js';

export function listenersOf(watch: readonly WatchedPort[], listeners: readonly Listener[]): Observed['listeners'] {
  return watch.flatMap(({ transport, port }) => {
    const found = listeners.find((listener) => listener.transport === transport && listener.port === port);
    if (found === undefined) return [];
    const problem = (family: Family): string | null => {
      const reason = unreachableReason(transport, port, family, listeners);
      return reason === null ? null : plainText(reason);
    };
    const program = plainText(found.program);
    return [{ transport, port, program, problem: { ipv4: problem('ipv4'), ipv6: problem('ipv6') } }];
  });
}
