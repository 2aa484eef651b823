/** Lets WireGuard tunnels begin anew: at the relay's word, or when one has been silent for too long, then by the relay's next address. */

import type { Store } from '@homeward/shared/host/store';
import type { Snapshot } from '@homeward/shared/kernel/snapshot';
import { hostOfUrl } from '@homeward/shared/net/dial-url';
import type { Logger } from 'pino';
import { pairedRelays, tunnelLink, withEndpointHost } from '../store/relays.js';
import type { BackendState, RelayRecord } from '../store/state.js';
import { createHandshakeWatch } from './handshakes.js';

/** How long a tunnel that has begun anew may take before it is tried once more. */
const RETRY_MS = 30_000;

export interface TunnelRenewalDeps {
  readonly store: Store<BackendState>;
  readonly logger: Logger;
  /** The address by which the relay is spoken to now, or null while it is not. */
  spokenTo(controllerKey: string): string | null;
  /** The addresses of a host name, or of an address itself; none where it cannot be resolved. */
  resolve(host: string): Promise<readonly string[]>;
  reconcile(): Promise<unknown>;
  /** A clock that only goes on, ms. */
  steadyMs(): number;
  /** See the reconciler. */
  renewWireguard(link: string): Promise<void>;
}

export interface TunnelRenewal {
  /** Removes the relay from the device and adds it again: the next packet is a handshake. */
  beginAnew(relay: RelayRecord): Promise<void>;
  /** Begins anew what has been silent for too long. */
  review(look: Pick<Snapshot, 'wireguard'>): Promise<void>;
}

export function createTunnelRenewal(deps: TunnelRenewalDeps): TunnelRenewal {
  const { store, logger } = deps;
  const handshakes = createHandshakeWatch();
  const triedAtMs = new Map<string, number>();

  async function beginAnew(relay: RelayRecord): Promise<void> {
    if (relay.accepted?.offer.tunnel.kind !== 'wireguard') return;
    const link = tunnelLink(relay);
    handshakes.begins(link);
    await deps.reconcile();
    await deps.renewWireguard(link);
  }

  /** Where the relay answers; the next of its addresses where it does not, so that each has its turn. */
  async function nextHost({ controllerKey, urls, accepted }: RelayRecord): Promise<string | null> {
    const spokenTo = deps.spokenTo(controllerKey);
    if (spokenTo !== null) return spokenTo;
    const addresses = [...new Set((await Promise.all(urls.map(hostOfUrl).map(deps.resolve))).flat())];
    const current = addresses.indexOf(accepted?.endpointHost ?? '');
    return addresses[(current + 1) % addresses.length] ?? null;
  }

  async function renew(relay: RelayRecord): Promise<void> {
    const host = await nextHost(relay);
    logger.warn({ relay: relay.urls[0], endpoint: host }, 'the tunnel has been silent for too long; it begins anew');
    if (host !== null && host !== relay.accepted?.endpointHost) {
      await store.update((state) => ({ state: withEndpointHost(state, relay.controllerKey, host), result: null }));
    }
    await beginAnew(relay);
  }

  return {
    beginAnew,
    async review({ wireguard }) {
      const now = deps.steadyMs();
      for (const relay of pairedRelays(store.state())) {
        if (relay.accepted?.offer.tunnel.kind !== 'wireguard') continue;
        const link = tunnelLink(relay);
        const [peer] = wireguard.get(link)?.peers ?? [];
        if (peer === undefined || !handshakes.isTooOld(link, peer.latestHandshake, now)) continue;
        const triedAt = triedAtMs.get(link);
        if (triedAt !== undefined && now - triedAt < RETRY_MS) continue;
        triedAtMs.set(link, now);
        await renew(relay).catch((error: unknown) =>
          logger.error({ err: error, relay: relay.urls[0] }, 'the tunnel could not begin anew'),
        );
      }
    },
  };
}
