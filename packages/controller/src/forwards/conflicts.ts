/** Which forwards may be set: refused are the operator's own doors, ports of other backends, ports somebody listens on. Pure. */

import { RelayError } from '@homeward/shared/errors/relay-error';
import type { Listener } from '@homeward/shared/kernel/sockets';
import { sshPorts } from '@homeward/shared/kernel/ssh-ports';
import {
  type Forward,
  formatForward,
  parseForward,
  portMappings,
  type Transport,
} from '@homeward/shared/net/forward-spec';
import { port, rangesOverlap } from '@homeward/shared/net/port';
import type { RelayState } from '../store/state.js';
import { sameExceptTransports } from './forward-list.js';

export interface RelayPorts {
  readonly listeners: readonly Listener[];
  readonly controlPort: number;
  readonly tunnelPort: number;
}

/** Throws `conflict` naming what holds the port. `takeOver` allows ports on which something else than SSH listens. */
export function checkForward(
  state: RelayState,
  backend: string,
  forward: Forward,
  ports: RelayPorts,
  takeOver: boolean,
): void {
  const spec = formatForward(forward);
  refuseProtected(spec, forward, ports);
  refuseTaken(state, backend, spec, forward);
  refuseSharedTarget(state, backend, spec, forward);
  // What is set already was allowed then, with --take-over.
  const isSet = state.pairings.some((pairing) => pairing.name === backend && pairing.forwards.includes(spec));
  if (!takeOver && !isSet) refuseListener(spec, forward, ports.listeners);
}

interface Door {
  readonly transport: Transport;
  readonly port: number;
  readonly what: string;
}

/** The operator's ways to this machine, and homeward's own. */
function doorsOf(ports: RelayPorts): Door[] {
  return [
    ...sshPorts(ports.listeners).map((port) => ({ transport: 'tcp' as const, port, what: "the relay's SSH" })),
    { transport: 'tcp', port: ports.controlPort, what: "homeward's control port" },
    { transport: 'udp', port: ports.tunnelPort, what: "homeward's tunnel port" },
  ];
}

/** The door that a forward would take, or null. */
export function doorTaken(forward: Forward, ports: RelayPorts): Door | null {
  const taken = doorsOf(ports).find(
    ({ transport, port }) =>
      forward.transports.includes(transport) && forward.publicPorts.first <= port && port <= forward.publicPorts.last,
  );
  return taken ?? null;
}

function refuseProtected(spec: string, forward: Forward, ports: RelayPorts): void {
  const door = doorTaken(forward, ports);
  if (door === null) return;
  throw new RelayError('conflict', `forward ${spec} would take port ${door.port}/${door.transport}, ${door.what}`, {
    hint: `choose another public port, for example ${alternative(forward)}`,
  });
}

function refuseTaken(state: RelayState, backend: string, spec: string, forward: Forward): void {
  for (const pairing of state.pairings) {
    for (const otherSpec of pairing.forwards) {
      const other = parseForward(otherSpec);
      if (pairing.name === backend && sameExceptTransports(forward, other)) continue;
      if (!overlaps(forward, other)) continue;
      throw new RelayError(
        'conflict',
        `forward ${spec}: the port already goes to backend "${pairing.name}" (${otherSpec})`,
        {
          hint: `free it: controller forward remove ${pairing.name} ${otherSpec}`,
        },
      );
    }
  }
}

/** A port comes out of the tunnel as its target port: two hosts behind one backend cannot share it. */
function refuseSharedTarget(state: RelayState, backend: string, spec: string, forward: Forward): void {
  const own = state.pairings.find((pairing) => pairing.name === backend)?.forwards ?? [];
  const other = own
    .map(parseForward)
    .find(
      (candidate) =>
        candidate.targetHost !== forward.targetHost &&
        rangesOverlap(candidate.targetPorts, forward.targetPorts) &&
        candidate.transports.some((transport) => forward.transports.includes(transport)),
    );
  if (other === undefined) return;
  throw new RelayError(
    'conflict',
    `forward ${spec}: ${formatForward(other)} has the same target port at another host`,
    {
      hint: 'let one of the two services listen on another port',
    },
  );
}

/** A forward with an address goes before one without, so only equals collide. */
function overlaps(a: Forward, b: Forward): boolean {
  return (
    a.address === b.address &&
    rangesOverlap(a.publicPorts, b.publicPorts) &&
    a.transports.some((transport) => b.transports.includes(transport))
  );
}

function refuseListener(spec: string, forward: Forward, listeners: readonly Listener[]): void {
  const found = listeners.find(
    (listener) =>
      listener.family !== 'ipv6' &&
      (listener.address === '*' || forward.address === null || listener.address === forward.address) &&
      !listener.address.startsWith('127.') &&
      portMappings(forward).some((m) => m.transport === listener.transport && m.publicPort === listener.port),
  );
  if (found === undefined) return;
  const where = `${found.port}/${found.transport}`;
  throw new RelayError('conflict', `forward ${spec}: ${found.program} listens on ${where} of this relay`, {
    hint: `stop it, choose another public port (${alternative(forward)}), or use --take-over`,
  });
}

/** The same target on public ports that are rarely taken. */
function alternative(forward: Forward): string {
  const shift = forward.publicPorts.last <= 55_535 ? 10_000 : -10_000;
  const publicPorts = {
    first: port(forward.publicPorts.first + shift),
    last: port(forward.publicPorts.last + shift),
  };
  return formatForward({ ...forward, publicPorts });
}
