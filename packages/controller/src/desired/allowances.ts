/** What firewalls of others have to let through at the relay: of the forward hook what our own table accepts there, and no more. Pure. */

import { type DockerMatch, dockerRule } from '@homeward/shared/kernel/docker-user';
import type { Family } from '@homeward/shared/net/address';
import { RELAY_TABLE } from '@homeward/shared/net/allocation';
import type { Allowance } from '@homeward/shared/state/resources';
import type { PairingTunnel } from './pairing-tunnel.js';

/** Of the tunnels that clients are led to; `docker` are the families of which Docker's chain is there. */
export function relayAllowances(led: readonly PairingTunnel[], docker: readonly Family[]): Allowance[] {
  return docker.flatMap((family) => {
    const tunnels = led.filter(({ families }) => families.includes(family));
    return tunnels
      .flatMap((tunnel) => passages(tunnel, family))
      .map((match) => ({ kind: 'allowance', family, rule: dockerRule(family, match, RELAY_TABLE) }));
  });
}

/** There and back. On a link that is not ours only a backend's own address is ours. */
function passages({ link, isOurs, backend }: PairingTunnel, family: Family): DockerMatch[] {
  if (isOurs) {
    return [
      { outLink: link, states: ['DNAT'] },
      { inLink: link, states: ['RELATED', 'ESTABLISHED'] },
    ];
  }
  const address = backend[family];
  return [
    { destination: address, outLink: link, states: ['DNAT'] },
    { source: address, inLink: link, states: ['DNAT'] },
  ];
}
