/** Which forwards may be set: refused are the operator's own doors, ports of other backends, ports somebody listens on. Pure. */

import { RelayError } from '@homeward/shared/errors/relay-error';
import { isLoopback, type Listener } from '@homeward/shared/kernel/sockets';
import { sshPorts } from '@homeward/shared/kernel/ssh-ports';
import {
  arrivalPorts,
  type Forward,
  familiesOf,
  isWhole,
  placeOf,
  withPublicPorts,
} from '@homeward/shared/net/forward-spec';
import { port, rangeContains } from '@homeward/shared/net/port';
import type { Transport } from '@homeward/shared/net/transport';
import type { RelayState } from '../store/state.js';
import { type Holder, indexPorts, scanPorts } from './port-index.js';

export interface RelayPorts {
  readonly listeners: readonly Listener[];
  readonly controlPort: number;
  /** UDP ports of our tunnels. */
  readonly tunnelPorts: readonly number[];
}

/** Up to so many forwards are compared with each there is. */
const FEW = 50;

/** Checks forwards one after another, each beside those that are set and those checked before it. */
export interface ForwardCheck {
  /** Throws `conflict` naming what holds the port. `takeOver` allows ports on which something else than SSH listens. */
  admit(backend: string, forward: Forward, takeOver: boolean): void;
}

/** `count` forwards are to be checked. */
export function createForwardCheck(
  state: RelayState,
  ports: RelayPorts,
  count = Number.POSITIVE_INFINITY,
): ForwardCheck {
  const lookUp = count > FEW ? indexPorts : scanPorts;
  const holders = state.pairings.flatMap(({ name: backend, forwards }) =>
    forwards.map((forward): Holder => ({ backend, forward })),
  );
  const wholes = holders.filter(({ forward }) => isWhole(forward));
  const ofPorts = holders.filter(({ forward }) => !isWhole(forward));
  const taken = lookUp(ofPorts, ({ publicPorts }) => publicPorts);
  // Apart, since of those to the backend itself thousands may arrive at one port, and all get along.
  const arrivalsHere = lookUp(ofPorts.filter(isHere), arrivalPorts);
  const arrivalsBehind = lookUp(
    ofPorts.filter((holder) => !isHere(holder)),
    arrivalPorts,
  );
  const arrivalsBeside = (forward: Forward): Holder[] => {
    const ports = arrivalPorts(forward);
    return [...arrivalsBehind.on(ports), ...(forward.targetHost === null ? [] : arrivalsHere.on(ports))];
  };
  return {
    admit(backend, forward, takeOver) {
      if (isWhole(forward)) {
        refuseSecondWhole(wholes, backend, forward);
        refuseBeside(arrivalsBehind.on(forward.publicPorts), backend, forward);
        wholes.push({ backend, forward });
        return;
      }
      const others = taken.on(forward.publicPorts);
      refuseProtected(forward, ports);
      refuseTaken(others, backend, forward);
      refuseSharedArrival(arrivalsBeside(forward), backend, forward);
      refuseBeside(wholes, backend, forward);
      // What is set already was allowed then, with --take-over.
      const isSet = others.some((other) => other.backend === backend && other.forward.spec === forward.spec);
      if (!takeOver && !isSet) refuseListener(forward, ports.listeners);
      taken.add({ backend, forward });
      (forward.targetHost === null ? arrivalsHere : arrivalsBehind).add({ backend, forward });
    },
  };
}

/** To the backend itself, not to a host behind it. */
function isHere({ forward }: Holder): boolean {
  return forward.targetHost === null;
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
    ...ports.tunnelPorts.map((port) => ({ transport: 'udp' as const, port, what: "homeward's tunnel port" })),
  ];
}

/** The door that a forward would take, or null; an `all` leaves them alone. */
export function doorTaken(forward: Forward, ports: RelayPorts): Door | null {
  if (isWhole(forward)) return null;
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

/** A forward with an address goes before one without: only equals collide. */
function refuseTaken(others: readonly Holder[], backend: string, forward: Forward): void {
  const taker = others.find(
    (other) =>
      other.forward.address === forward.address &&
      haveSameClients(other.forward, forward) &&
      (other.backend !== backend || placeOf(other.forward) !== placeOf(forward)),
  );
  if (taker === undefined) return;
  const { spec } = taker.forward;
  throw new RelayError(
    'conflict',
    `forward ${forward.spec}: the port already goes to backend "${taker.backend}" (${spec})`,
    { hint: `free it: controller forward remove ${taker.backend} ${spec}` },
  );
}

/** What no other forward has can go to one place only. */
function refuseSecondWhole(wholes: readonly Holder[], backend: string, forward: Forward): void {
  const taker = wholes.find((other) => other.forward.address === forward.address && other.backend !== backend);
  if (taker === undefined) return;
  const { spec } = taker.forward;
  throw new RelayError('conflict', `forward ${forward.spec}: everything goes to backend "${taker.backend}" (${spec})`, {
    hint: `name the ports for "${backend}", which go before it, or: controller forward remove ${taker.backend} ${spec}`,
  });
}

/** Packets that arrive at one port of the tunnel address lead to one place: two hosts behind one backend cannot share it. */
function refuseSharedArrival(others: readonly Holder[], backend: string, forward: Forward): void {
  const shift = (one: Forward) => one.targetPorts.first - arrivalPorts(one).first;
  const other = others.find(
    ({ backend: name, forward: one }) =>
      name === backend &&
      haveSameClients(one, forward) &&
      (one.targetHost !== forward.targetHost || shift(one) !== shift(forward)),
  );
  if (other === undefined) return;
  throw new RelayError(
    'conflict',
    `forward ${forward.spec} and ${other.forward.spec} of backend "${backend}" would reach it by the same port, for two places`,
    { hint: `choose another public port, for example ${alternative(forward)}` },
  );
}

/**
 * An `all` and a host behind the same backend that is for clients of another public address only: those of the first would come
 * in by `all`, arrive at the same port, and be led to that host.
 */
function refuseBeside(others: readonly Holder[], backend: string, forward: Forward): void {
  const other = others.find(({ backend: name, forward: one }) => {
    const [whole, named] = isWhole(one) ? [one, forward] : [forward, one];
    const isNarrower = named.targetHost !== null && named.address !== null && named.address !== whole.address;
    return name === backend && isNarrower && haveSameClients(whole, named);
  });
  if (other === undefined) return;
  throw new RelayError(
    'conflict',
    `forward ${forward.spec} and ${other.forward.spec} of backend "${backend}" would reach it by the same port, for two places`,
    { hint: 'forward to the host behind the backend without naming an address of the relay' },
  );
}

/** Of the same transport and family. */
function haveSameClients(a: Forward, b: Forward): boolean {
  const families = familiesOf(b);
  return (
    a.transports.some((transport) => b.transports.includes(transport)) &&
    familiesOf(a).some((family) => families.includes(family))
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

/** The same target on public ports that are rarely taken; a very wide range has no other place. */
function alternative(forward: Forward): string {
  const { first, last } = forward.publicPorts;
  const shift = last <= 55_535 ? 10_000 : -10_000;
  if (first + shift < 1) return `${last < 65_535 ? last + 1 : 1024}/${forward.transports.join('+')}`;
  return withPublicPorts(forward, { first: port(first + shift), last: port(last + shift) }).spec;
}
