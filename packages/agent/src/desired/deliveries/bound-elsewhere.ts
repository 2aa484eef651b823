/** Delivery to a service that is bound to another address of this host: to exactly that one. */

import { isIpv4 } from '@homeward/shared/net/ipv4';
import { SETS } from '../backend-sets.js';
import { arrivalKey, backendElement, type Delivery, isLoopback } from './delivery.js';

export const boundElsewhere: Delivery = {
  answersFromChosenAddress: false,
  needsForwarding: false,
  elements(port) {
    const addresses = port.sockets.map((socket) => socket.address);
    if (addresses.includes(port.tunnelAddress) || addresses.includes('*')) return null;
    const other = addresses.find((address) => isIpv4(address) && !isLoopback(address));
    if (other === undefined) return null;
    return [backendElement(SETS.redirected, arrivalKey(port), `${other} . ${port.mapping.targetPort}`)];
  },
};
