/** Delivery at the tunnel address itself: TCP on the wildcard, and whatever is bound to that address. Nothing has to be done. */

import type { Delivery } from './delivery.js';

export const direct: Delivery = {
  answersFromChosenAddress: false,
  needsForwarding: false,
  entries: () => [],
};
