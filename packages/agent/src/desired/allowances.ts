/** What firewalls of others have to let through at the backend: what our own table has let in, to this machine and to hosts behind it. Pure. */

import { dockerRule } from '@homeward/shared/kernel/docker-user';
import { type Firewalld, richRule, richRules, trustedLinks, zonesOf } from '@homeward/shared/kernel/firewalld';
import type { Firewalls } from '@homeward/shared/kernel/firewalls';
import { type UfwMatch, ufwAllowances } from '@homeward/shared/kernel/ufw';
import type { Family, IpAddress } from '@homeward/shared/net/address';
import { BACKEND_TABLE, FIREWALLD_PRIORITIES, MARK_MASK, slotNumbers } from '@homeward/shared/net/allocation';
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

/** `forwarding` are the families in which this machine hands on what comes by a tunnel, `uplinks` the links to its relays. */
export function backendAllowances(
  tunnels: readonly AllowedTunnel[],
  forwarding: ReadonlySet<Family>,
  uplinks: readonly string[],
  { docker, ufw, firewalld }: Firewalls,
): Allowance[] {
  return [
    ...docker.filter((family) => forwarding.has(family)).flatMap((family) => dockerAllowances(tunnels, family)),
    ...ufwAllowances(
      tunnels.flatMap((tunnel) => ufwMatches(tunnel, forwarding.size > 0)),
      ufw,
      BACKEND_TABLE,
    ),
    ...(firewalld === null ? [] : firewalldAllowances(tunnels, uplinks, firewalld)),
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

/** What it forwards firewalld lets through by itself: all of that was DNATed, and is here for that reason. */
function firewalldAllowances(
  tunnels: readonly AllowedTunnel[],
  uplinks: readonly string[],
  firewalld: Firewalld,
): Allowance[] {
  const own = tunnels.filter(({ shared }) => shared === null);
  const outer = own.flatMap(({ resources }) => resources.flatMap(outerGre));
  return [
    ...trustedLinks(
      own.map(({ link }) => link),
      firewalld,
    ),
    ...richRules(
      zonesOf(firewalld, uplinks),
      outer.map((match) => richRule(match, FIREWALLD_PRIORITIES.backend)),
    ),
  ];
}

/** The relay may speak first. In UDP it answers. */
function outerGre(resource: Resource): { readonly protocol: 'gre'; readonly source: IpAddress }[] {
  if (resource.kind !== 'link' || resource.device.type === 'wireguard' || resource.device.udp !== null) return [];
  return [{ protocol: 'gre', source: resource.device.remote }];
}
