/**
 * Begins session and tunnel anew where the way to a relay has become another one: by another uplink, or because the address
 * is gone that they were spoken from. By themselves they would notice by silence only, WireGuard after 15 s (KEEPALIVE_TIMEOUT and
 * REKEY_TIMEOUT in drivers/net/wireguard/messages.h), a session after half a minute.
 */

import type { Store } from '@homeward/shared/host/store';
import type { Way } from '@homeward/shared/kernel/route-get';
import type { Snapshot } from '@homeward/shared/kernel/snapshot';
import { type IpAddress, isIp } from '@homeward/shared/net/address';
import type { Logger } from 'pino';
import { pairedRelays } from '../store/relays.js';
import type { BackendState, RelayRecord } from '../store/state.js';

export interface WaysOutDeps {
  readonly store: Pick<Store<BackendState>, 'state'>;
  readonly logger: Logger;
  /** The address by which the relay is spoken to now, or null while it is not. */
  spokenTo(controllerKey: string): string | null;
  /** The kernel's way to each address; one that no route leads to is left out. */
  ask(destinations: readonly IpAddress[]): Promise<ReadonlyMap<IpAddress, Way>>;
  /** Ends the relay's session, so that the next one goes the new way. */
  renewSession(controllerKey: string): void;
  /** Lets its tunnel shake hands at once. */
  beginTunnelAnew(relay: RelayRecord): Promise<void>;
}

export interface WaysOut {
  /** Compares the ways with those of the last time. */
  review(look: Pick<Snapshot, 'links' | 'routes' | 'rules'>): Promise<void>;
}

interface Known {
  readonly destination: IpAddress;
  readonly way: Way;
}

export function createWaysOut(deps: WaysOutDeps): WaysOut {
  const known = new Map<string, Known>();
  let lastAsked = '';

  function destinationOf({ controllerKey, accepted }: RelayRecord): IpAddress | null {
    const host = deps.spokenTo(controllerKey) ?? accepted?.endpointHost ?? null;
    return host !== null && isIp(host) ? host : null;
  }

  return {
    async review({ links, routes, rules }) {
      const relays = pairedRelays(deps.store.state()).flatMap((relay) => {
        const destination = destinationOf(relay);
        return destination === null ? [] : [{ relay, destination }];
      });
      const destinations = [...new Set(relays.map(({ destination }) => destination))];
      // Nothing that a way depends on has changed: no process is started for the answer of the last time.
      const asked = JSON.stringify([destinations, links, routes, rules]);
      if (asked === lastAsked) return;
      const ways = await deps.ask(destinations);
      lastAsked = asked;
      const own = new Set(links.flatMap(({ addresses }) => addresses.map(({ address }) => address)));
      for (const { relay, destination } of relays) {
        const way = ways.get(destination);
        // Without any way there is nothing to begin: it may come back as it was.
        if (way === undefined) continue;
        const former = known.get(relay.controllerKey);
        known.set(relay.controllerKey, { destination, way });
        if (former === undefined || former.destination !== destination) continue;
        if (former.way.link === way.link && own.has(former.way.source)) continue;
        deps.logger.info(
          { relay: relay.urls[0], from: former.way, to: way },
          'the relay is reached another way now; session and tunnel begin anew',
        );
        deps.renewSession(relay.controllerKey);
        await deps.beginTunnelAnew(relay);
      }
    },
  };
}
