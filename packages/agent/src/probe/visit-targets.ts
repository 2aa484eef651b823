/** Which hosts behind the backend the probed ports lead to. Pure. */

import type { IpAddress } from '@homeward/shared/net/address';
import { arrivalPorts, type Forward } from '@homeward/shared/net/forward-spec';
import { type Port, port, rangeContains } from '@homeward/shared/net/port';
import { MOST_VISITS } from '@homeward/shared/protocol/messages';
import type { WatchedPort } from './observer.js';

export interface VisitTarget {
  /** As it is watched, at the tunnel address. */
  readonly watched: WatchedPort;
  readonly host: IpAddress;
  readonly port: Port;
}

/** Of each watched port the hosts that forwards lead to by it, one for each family at most, and the port there; so many as are told. */
export function visitTargets(watch: readonly WatchedPort[], forwards: readonly Forward[]): VisitTarget[] {
  // A port is watched once for each family of its probes.
  const once = new Map(watch.map((watched) => [`${watched.transport} ${watched.port}`, watched]));
  const targets = [...once.values()].flatMap((watched) => forwards.flatMap((forward) => targetOf(forward, watched)));
  return targets.slice(0, MOST_VISITS);
}

function targetOf(forward: Forward, watched: WatchedPort): VisitTarget[] {
  const { targetHost, targetPorts, transports } = forward;
  const arrival = arrivalPorts(forward);
  if (targetHost === null || !transports.includes(watched.transport) || !rangeContains(arrival, watched.port))
    return [];
  return [{ watched, host: targetHost, port: port(watched.port - arrival.first + targetPorts.first) }];
}
