/** Which flows of clients the relay leads elsewhere after a change of its maps. Pure. */

import type { Snapshot } from '@homeward/shared/kernel/snapshot';
import type { LedFlows } from '@homeward/shared/kernel/stale-flows';
import { globalAddresses } from '@homeward/shared/kernel/uplink';
import { FAMILIES, type Family, familyOf, type IpAddress, isIp } from '@homeward/shared/net/address';
import { RELAY_TABLE } from '@homeward/shared/net/allocation';
import { EVERY_PORT } from '@homeward/shared/net/forward-spec';
import { formatPortRange, parsePortRange } from '@homeward/shared/net/port';
import { TRANSPORTS, type Transport } from '@homeward/shared/net/transport';
import { type Change, subjectOf } from '@homeward/shared/reconcile/diff';
import type { Resource } from '@homeward/shared/state/resources';
import { SETS } from './relay-sets.js';

/**
 * A port forwarded on every address is stale on each that this machine has. A new forward's flows were this machine's own.
 * Of TCP it matters where the table was missing: what conntrack first saw in that moment would go on being this machine's;
 * and of connections that are led right it missed packets, so that it takes all that follow for invalid (out of their window).
 * Forgotten, they are picked up with their next packet, and led as before.
 */
export function relayStaleFlows(changes: readonly Change[], snapshot: Snapshot): LedFlows[] {
  const own = snapshot.links
    .filter((link) => link.name !== 'lo')
    .flatMap((link) => FAMILIES.flatMap((family) => globalAddresses(link, family)));
  const wasMissing = changes.some(({ kind, key }) => kind === 'create' && key === TABLE);
  return changes.flatMap((change) => {
    const resource = subjectOf(change);
    if (resource.kind !== 'nft-element') return [];
    return whatItLed(resource.set, resource.key).flatMap((led) => staleOf(led, change));
  });

  function staleOf(led: Led, change: Change): LedFlows[] {
    if (led.transport === 'tcp' && !wasMissing) return [];
    const addresses = led.address === null ? own.filter((address) => familyOf(address) === led.family) : [led.address];
    const before = change.kind === 'create' ? null : leadsTo(change.observed);
    const missed = led.transport === 'tcp' && change.kind === 'create' ? leadsTo(change.desired) : null;
    return addresses.flatMap((address) =>
      [before ?? address, ...(missed === null ? [] : [missed])].map((ledTo) => ({
        ...{ kind: 'led' as const, transport: led.transport, address },
        ...{ ports: parsePortRange(led.ports), ledTo },
      })),
    );
  }
}

/** The backend of a map's element: `address`, or `address . port`. */
function leadsTo(element: Resource): IpAddress | null {
  const [address = ''] = element.kind === 'nft-element' ? (element.value ?? '').split(' . ') : [];
  return isIp(address) ? address : null;
}

interface Led {
  readonly family: Family;
  /** Null for all of this machine's. */
  readonly address: IpAddress | null;
  readonly transport: Transport;
  readonly ports: string;
}

const TABLE = `table inet ${RELAY_TABLE}`;

/** What an element of one of the DNAT maps leads; nothing for one of another set. */
function whatItLed(set: string, key: string): Led[] {
  for (const family of FAMILIES) {
    const { any, anyRange, exact, range, whole, anyWhole } = SETS[family];
    const words = key.split(' . ');
    if (set === any || set === anyRange) {
      const [transport, ports = ''] = words;
      return [{ family, address: null, transport: transportIn(transport), ports }];
    }
    if (set === exact || set === range) {
      const [address = '', transport, ports = ''] = words;
      return isIp(address) ? [{ family, address, transport: transportIn(transport), ports }] : [];
    }
    if (set === whole || set === anyWhole) {
      const address = isIp(key) ? key : null;
      return TRANSPORTS.map((transport) => ({ family, address, transport, ports: formatPortRange(EVERY_PORT) }));
    }
  }
  return [];
}

function transportIn(word: string | undefined): Transport {
  return word === 'udp' ? 'udp' : 'tcp';
}
