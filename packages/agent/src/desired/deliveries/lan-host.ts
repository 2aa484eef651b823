/** Delivery to a host behind the backend: DNAT there; its replies come back here if this backend is its gateway. */

import { portsOf } from '@homeward/shared/net/port';
import { SETS } from '../backend-sets.js';
import { arrivalPlace, type Delivery } from './delivery.js';

export const lanHost: Delivery = {
  answersFromChosenAddress: false,
  needsForwarding: true,
  entries(arrival) {
    const { family, ports } = arrival;
    const { targetHost, targetPorts } = arrival.forward;
    if (targetHost === null) return null;
    const shift = targetPorts.first - ports.first;
    const entry = { sets: SETS[family].redirected, place: arrivalPlace(arrival), rangeValue: targetHost };
    if (shift === 0) return [{ ...entry, ports, value: `${targetHost} . ${ports.first}` }];
    // Of an interval's value nft takes the port as it stands for every one: other ports are listed.
    return portsOf(ports).map((port) => ({
      ...entry,
      ports: { first: port, last: port },
      value: `${targetHost} . ${port + shift}`,
    }));
  },
};
