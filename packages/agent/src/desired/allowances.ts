/** What firewalls of others have to let through at the backend: what our own table has let in, to this machine and to hosts behind it. Pure. */

import { dockerRule } from '@homeward/shared/kernel/docker-user';
import { type Ufw, type UfwMatch, ufwAllowances } from '@homeward/shared/kernel/ufw';
import type { Family } from '@homeward/shared/net/address';
import { BACKEND_TABLE, MARK_MASK, slotNumbers } from '@homeward/shared/net/allocation';
import type { LinkName } from '@homeward/shared/net/names';
import type { Allowance, Resource } from '@homeward/shared/state/resources';

/** A relay's end of the tunnel here. */
export interface AllowedTunnel {
  readonly slot: number;
  readonly link: LinkName;
  /** Null for a link of our own. */
  readonly shared: object | null;
  readonly resources: readonly Resource[];
}

export interface Firewalls {
  /** Families of which Docker's chain for others' rules is there. */
  readonly docker: readonly Family[];
  readonly ufw: Ufw;
}

/** `forwarding` are the families in which this machine hands on what comes by a tunnel. */
export function backendAllowances(
  tunnels: readonly AllowedTunnel[],
  forwarding: ReadonlySet<Family>,
  { docker, ufw }: Firewalls,
): Allowance[] {
  return [
    ...docker.filter((family) => forwarding.has(family)).flatMap((family) => dockerAllowances(tunnels, family)),
    ...ufwAllowances(
      tunnels.flatMap((tunnel) => ufwMatches(tunnel, forwarding.size > 0)),
      ufw,
      BACKEND_TABLE,
    ),
  ];
}

/** Both directions of a flow carry its mark. */
function dockerAllowances(tunnels: readonly AllowedTunnel[], family: Family): Allowance[] {
  return tunnels.map(({ slot }) => {
    const connectionMark = { value: slotNumbers(slot).mark, mask: MARK_MASK };
    return {
      kind: 'allowance',
      firewall: 'docker',
      family,
      rule: dockerRule(family, { connectionMark }, BACKEND_TABLE),
    };
  });
}

/** All that comes by our link has passed our own filter. Of a device that is somebody else's this machine's owner decides. */
function ufwMatches({ link, shared, resources }: AllowedTunnel, isForwarding: boolean): UfwMatch[] {
  if (shared !== null) return [];
  return [
    { inLink: link },
    ...(isForwarding ? [{ route: true as const, inLink: link }] : []),
    ...resources.flatMap(outerGre),
  ];
}

/** The relay may speak first. In UDP it answers. */
function outerGre(resource: Resource): UfwMatch[] {
  if (resource.kind !== 'link' || resource.device.type === 'wireguard' || resource.device.udp !== null) return [];
  return [{ protocol: 'gre', source: resource.device.remote }];
}
