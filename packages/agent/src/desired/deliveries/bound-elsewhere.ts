/** Delivery to a service that is bound to another address of this host: to exactly that one. */

import { isLoopback } from '@homeward/shared/kernel/sockets';
import { familyOf, isIp } from '@homeward/shared/net/address';
import { SETS } from '../backend-sets.js';
import { arrivalPlace, type Delivery } from './delivery.js';

export const boundElsewhere: Delivery = {
  answersFromChosenAddress: false,
  needsForwarding: false,
  entries(arrival) {
    const { family, ports, sockets, tunnelAddress } = arrival;
    const addresses = sockets.map((socket) => socket.address);
    if (addresses.includes(tunnelAddress) || addresses.includes('*')) return null;
    const other = addresses.filter(isIp).find((address) => familyOf(address) === family && !isLoopback(address));
    if (other === undefined) return null;
    return [
      {
        sets: SETS[family].redirected,
        place: arrivalPlace(arrival),
        ports,
        value: `${other} . ${ports.first}`,
        rangeValue: other,
      },
    ];
  },
};
