/** The ways of delivery in the order they are asked: the first that is right for a port delivers it. */

import type { NftElement } from '@homeward/shared/state/resources';
import { boundElsewhere } from './bound-elsewhere.js';
import type { ArrivingPort, Delivery } from './delivery.js';
import { direct } from './direct.js';
import { lanHost } from './lan-host.js';
import { pinned } from './pinned.js';

const DELIVERIES: readonly Delivery[] = [lanHost, boundElsewhere, pinned];

/** The way for one port, with its elements. */
export function deliver(port: ArrivingPort): { readonly delivery: Delivery; readonly elements: readonly NftElement[] } {
  for (const delivery of DELIVERIES) {
    const elements = delivery.elements(port);
    if (elements !== null) return { delivery, elements };
  }
  return { delivery: direct, elements: [] };
}
