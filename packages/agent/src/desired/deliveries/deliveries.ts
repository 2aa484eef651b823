/** The ways of delivery in the order they are asked: the first that is right for a port delivers it. */

import type { PortEntry } from '../backend-sets.js';
import { boundElsewhere } from './bound-elsewhere.js';
import type { Arrival, Delivery } from './delivery.js';
import { direct } from './direct.js';
import { lanHost } from './lan-host.js';
import { pinned } from './pinned.js';

const DELIVERIES: readonly Delivery[] = [lanHost, boundElsewhere, pinned];

/** The way for what arrives, with its entries. */
export function deliver(arrival: Arrival): { readonly delivery: Delivery; readonly entries: readonly PortEntry[] } {
  for (const delivery of DELIVERIES) {
    const entries = delivery.entries(arrival);
    if (entries !== null) return { delivery, entries };
  }
  return { delivery: direct, entries: [] };
}
