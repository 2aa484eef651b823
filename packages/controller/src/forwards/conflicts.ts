/** Which forwards may be set: refused are the operator's own doors, ports of other backends, ports somebody listens on. Pure. */

import { RelayError } from '@homeward/shared/errors/relay-error';
import type { Listener } from '@homeward/shared/kernel/sockets';
import { sshPorts } from '@homeward/shared/kernel/ssh-ports';
import {
  arrivalPorts,
  type Forward,
  familiesOf,
  placeOf,
  type Transport,
  withPublicPorts,
} from '@homeward/shared/net/forward-spec';
import { port, rangeContains } from '@homeward/shared/net/port';
import type { RelayState } from '../store/state.js';
import { type Holder, type Occupied, occupiedPorts } from './occupied.js';

export interface RelayPorts {
  readonly listeners: readonly Listener[];
  readonly controlPort: number;
  readonly tunnelPort: number;
}

/** Checks forwards one after another, each beside those that are set and those checked before it. */
export interface ForwardCheck {
  /** Throws `conflict` naming what holds the port. `takeOver` allows ports on which something else than SSH listens. */
  admit(backend: string, forward: Forward, takeOver: boolean): void;
}

export function createForwardCheck(state: RelayState, ports: RelayPorts): ForwardCheck {
  const holders = state.pairings.flatMap(({ name: backend, forwards }) =>
    forwards.map((forward): Holder => ({ backend, forward })),
  );
  const isSet = new Set(holders.map(({ backend, forward }) => `${backend} ${forward.spec}`));
  const taken = occupiedPorts(holders);
  // At each backend for itself: as if the ports of arrival were public ones.
  const arrivals = new Map<string, Occupied>();
  const arrivalsAt = (backend: string): Occupied => {
    const found = arrivals.get(backend) ?? occupiedPorts(holders.filter((h) => h.backend === backend).map(asArrival));
    arrivals.set(backend, found);
    return found;
  };
  return {
    admit(backend, forward, takeOver) {
      refuseProtected(forward, ports);
      refuseTaken(taken, backend, forward);
      refuseSharedArrival(arrivalsAt(backend), backend, forward);
      // What is set already was allowed then, with --take-over.
      if (!takeOver && !isSet.has(`${backend} ${forward.spec}`)) refuseListener(forward, ports.listeners);
      taken.add({ backend, forward });
      arrivalsAt(backend).add(asArrival({ backend, forward }));
    },
  };
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
    ({ transport, port }) => forward.transports.includes(transport) && rangeContains(forward.publicPorts, port),
  );
  return taken ?? null;
}

function refuseProtected(forward: Forward, ports: RelayPorts): void {
  const door = doorTaken(forward, ports);
  if (door === null) return;
  throw new RelayError(
    'conflict',
    `forward ${forward.spec} would take port ${door.port}/${door.transport}, ${door.what}`,
    { hint: `choose another public port, for example ${alternative(forward)}` },
  );
}

function refuseTaken(taken: Occupied, backend: string, forward: Forward): void {
  const other = taken
    .overlapping(forward)
    .find((holder) => holder.backend !== backend || placeOf(holder.forward) !== placeOf(forward));
  if (other === undefined) return;
  const { spec } = other.forward;
  throw new RelayError(
    'conflict',
    `forward ${forward.spec}: the port already goes to backend "${other.backend}" (${spec})`,
    { hint: `free it: controller forward remove ${other.backend} ${spec}` },
  );
}

function asArrival({ backend, forward }: Holder): Holder {
  return { backend, forward: { ...forward, address: null, publicPorts: arrivalPorts(forward) } };
}

/** Packets that arrive at one port of the tunnel address lead to one place: two hosts behind one backend cannot share it. */
function refuseSharedArrival(arrivals: Occupied, backend: string, forward: Forward): void {
  const own = asArrival({ backend, forward }).forward;
  const shift = (one: Forward) => one.targetPorts.first - one.publicPorts.first;
  const other = arrivals
    .overlapping(own)
    .find(
      ({ forward: one }) => one.targetHost !== own.targetHost || (own.targetHost !== null && shift(one) !== shift(own)),
    );
  if (other === undefined) return;
  throw new RelayError(
    'conflict',
    `forward ${forward.spec} and ${other.forward.spec} of backend "${backend}" would reach it by the same port, for two places`,
    { hint: `choose another public port, for example ${alternative(forward)}` },
  );
}

function refuseListener(forward: Forward, listeners: readonly Listener[]): void {
  const families = familiesOf(forward);
  const found = listeners.find(
    (listener) =>
      forward.transports.includes(listener.transport) &&
      rangeContains(forward.publicPorts, listener.port) &&
      (listener.family === 'both' || families.includes(listener.family)) &&
      (listener.address === '*' || forward.address === null || listener.address === forward.address) &&
      !isLoopback(listener.address),
  );
  if (found === undefined) return;
  const where = `${found.port}/${found.transport}`;
  throw new RelayError('conflict', `forward ${forward.spec}: ${found.program} listens on ${where} of this relay`, {
    hint: `stop it, choose another public port (${alternative(forward)}), or use --take-over`,
  });
}

function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1';
}

/** The same target on public ports that are rarely taken; a very wide range has no other place. */
function alternative(forward: Forward): string {
  const { first, last } = forward.publicPorts;
  const shift = last <= 55_535 ? 10_000 : -10_000;
  if (first + shift < 1) return `${last < 65_535 ? last + 1 : 1024}/${forward.transports.join('+')}`;
  return withPublicPorts(forward, { first: port(first + shift), last: port(last + shift) }).spec;
}
