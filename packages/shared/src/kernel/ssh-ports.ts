/** Where a machine's own SSH listens: the operator's door, never forwarded away. Pure. */

import type { Listener } from './sockets.js';

/** sshd under the names it listens with; systemd does for socket-activated ssh, and then on port 22. */
const SSH_PROGRAMS = new Set(['sshd', 'sshd-session', 'dropbear']);

/** TCP ports on which the machine's SSH listens. */
export function sshPorts(listeners: readonly Listener[]): number[] {
  return listeners
    .filter((listener) => listener.transport === 'tcp')
    .filter(
      (listener) => SSH_PROGRAMS.has(listener.program) || (listener.program === 'systemd' && listener.port === 22),
    )
    .map((listener) => listener.port);
}
