/**
 * Delivery of UDP to a service on the wildcard address: to the address from which the kernel will answer. Else the
 * reply has another source than the request had a destination, conntrack does not know it, and it leaves by the default route.
 */

import { SETS } from '../backend-sets.js';
import type { Delivery } from './delivery.js';

export const pinned: Delivery = {
  answersFromChosenAddress: true,
  needsForwarding: false,
  entries({ family, transport, ports, sockets, tunnelAddress }) {
    if (transport !== 'udp') return null;
    // A pin would break a service bound to the tunnel address. Where nothing listens yet it is right for most, and for port-unreachable.
    if (sockets.some((socket) => socket.address === tunnelAddress)) return null;
    return [{ sets: SETS[family].pinned, place: tunnelAddress, ports, value: null, rangeValue: null }];
  },
};
