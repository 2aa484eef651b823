/** Delivery to a host behind the backend: DNAT there; its replies come back here if this backend is its gateway. */

import { SETS } from '../backend-sets.js';
import { arrivalKey, backendElement, type Delivery } from './delivery.js';

export const lanHost: Delivery = {
  answersFromChosenAddress: false,
  needsForwarding: true,
  elements(port) {
    const { targetHost } = port.forward;
    if (targetHost === null) return null;
    return [backendElement(SETS.redirected, arrivalKey(port), `${targetHost} . ${port.mapping.targetPort}`)];
  },
};
