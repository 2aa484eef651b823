/** Where a machine's own SSH listens: the operator's door, never forwarded away. Pure. */

import type { Listener } from './sockets.js';

/** sshd under the names it listens with; a socket that systemd holds may be SSH's as well (ssh.socket), on whatever port. */
const SSH_PROGRAMS = new Set(['sshd', 'sshd-session', 'dropbear', 'systemd']);

/** Counts also while sshd restarts, or has not started yet. */
export const SSH_PORT = 22;

/** TCP ports on which the machine's SSH listens, or may. */
export function sshPorts(listeners: readonly Listener[]): number[] {
  return listeners
    .filter((listener) => listener.transport === 'tcp')
    .filter((listener) => listener.programs.some((program) => SSH_PROGRAMS.has(program)))
    .map((listener) => listener.port);
}
