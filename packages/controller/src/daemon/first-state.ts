/** What a relay chooses once, at its first start: keys, pool, tunnel port. */

import { randomBytes, randomInt } from 'node:crypto';
import { RelayError } from '@homeward/shared/errors/relay-error';
import type { Snapshot } from '@homeward/shared/kernel/snapshot';
import type { Listener } from '@homeward/shared/kernel/sockets';
import {
  isRelayTunnelLink,
  KUBERNETES_SERVICES,
  POOL_LENGTH,
  POOL_SPACE,
  POOL6_LENGTH,
} from '@homeward/shared/net/allocation';
import { type Forward, isWhole } from '@homeward/shared/net/forward-spec';
import { rangeContains } from '@homeward/shared/net/port';
import {
  addressAt,
  formatPrefix,
  type Ipv4Prefix,
  isNetwork,
  parseIpv4Prefix,
  parseIpv6Prefix,
  prefixesOverlap,
} from '@homeward/shared/net/prefix';
import { generateKeyPair } from '@homeward/shared/session/keys';
import { DEFAULT_WIREGUARD_PORT, type Settings } from '../config.js';
import type { RelayState } from '../store/state.js';

export function firstState(settings: Settings, snapshot: Snapshot, listeners: readonly Listener[]): RelayState {
  if (settings.pool !== null) refuseUsedPool(settings.pool, snapshot);
  const inUse = [...prefixesInUse(snapshot), KUBERNETES_SERVICES];
  const identity = generateKeyPair();
  const wireguard = generateKeyPair();
  return {
    version: 1,
    identity: { publicKey: identity.publicKey, secretKey: identity.secretKey.reveal() },
    wireguard: {
      publicKey: wireguard.publicKey,
      privateKey: wireguard.secretKey.reveal(),
      port: chooseTunnelPort(settings.wireguardPort, listeners, []),
    },
    pool: formatPrefix(settings.pool ?? choosePool(inUse, (count) => randomInt(count))),
    pool6: uniqueLocalPrefix(randomBytes(5)),
    pairings: [],
    tokens: [],
    revoked: [],
  };
}

/** The port asked for, or from the default upwards the first that is free. Throws `conflict` when the one asked for is taken. */
export function chooseTunnelPort(
  wanted: number | null,
  listeners: readonly Listener[],
  forwards: readonly Forward[],
): number {
  const holder = (port: number) => listeners.find((listener) => listener.transport === 'udp' && listener.port === port);
  if (wanted !== null) {
    const taken = holder(wanted);
    if (taken === undefined) return wanted;
    throw new RelayError('conflict', `port ${wanted}/udp for WireGuard is taken by ${taken.program}`, {
      hint: 'choose another one with --wireguard-port, or leave it out to take a free one',
    });
  }
  let port = DEFAULT_WIREGUARD_PORT;
  const isForwarded = (candidate: number) =>
    forwards.some(
      (forward) =>
        !isWhole(forward) && forward.transports.includes('udp') && rangeContains(forward.publicPorts, candidate),
    );
  while (holder(port) !== undefined || isForwarded(port)) port += 1;
  return port;
}

/** Throws `conflict` for a pool that overlaps what the machine uses; our own device aside. */
export function refuseUsedPool(pool: Ipv4Prefix, snapshot: Snapshot): void {
  const foreign = {
    ...snapshot,
    links: snapshot.links.filter((link) => !isRelayTunnelLink(link.name)),
    routes: snapshot.routes.filter((route) => !isRelayTunnelLink(route.link ?? '')),
  };
  const used = prefixesInUse(foreign).find((prefix) => prefixesOverlap(prefix, pool));
  if (used === undefined) return;
  throw new RelayError(
    'conflict',
    `--pool ${formatPrefix(pool)} overlaps ${formatPrefix(used)}, which this machine uses`,
    {
      hint: 'choose a prefix that is used nowhere, or leave it out',
    },
  );
}

/** A random share of the pool space that overlaps nothing in use; `random(n)` gives 0 to n-1. */
export function choosePool(inUse: readonly Ipv4Prefix[], random: (count: number) => number): Ipv4Prefix {
  const size = 2 ** (32 - POOL_LENGTH);
  const count = 2 ** (POOL_LENGTH - POOL_SPACE.length);
  const start = random(count);
  for (let step = 0; step < count; step += 1) {
    const address = addressAt(POOL_SPACE, ((start + step) % count) * size);
    const pool = { address, length: POOL_LENGTH };
    if (!inUse.some((prefix) => prefixesOverlap(prefix, pool))) return pool;
  }
  throw new RelayError('conflict', `every part of ${formatPrefix(POOL_SPACE)} is in use on this machine`, {
    hint: 'give a free prefix with --pool, for example --pool 172.30.0.0/20',
  });
}

/** IPv4 prefixes of addresses and routes of the machine, without default routes and pieces of them. */
export function prefixesInUse(snapshot: Snapshot): Ipv4Prefix[] {
  const addresses = snapshot.links.flatMap((link) => link.addresses.map((a) => `${a.address}/${a.prefixLength}`));
  const routes = snapshot.routes.filter((route) => route.destination !== 'default').map((route) => route.destination);
  return [...addresses, ...routes]
    .filter((prefix) => !prefix.includes(':'))
    .map(parseIpv4Prefix)
    .filter(isNetwork);
}

/** A subnet of a unique local prefix (RFC 4193) from 40 random bits: whoever chose another one is not met. */
function uniqueLocalPrefix(globalId: Buffer): string {
  const hex = `fd${globalId.toString('hex')}`;
  return formatPrefix(parseIpv6Prefix(`${hex.slice(0, 4)}:${hex.slice(4, 8)}:${hex.slice(8, 12)}::/${POOL6_LENGTH}`));
}
