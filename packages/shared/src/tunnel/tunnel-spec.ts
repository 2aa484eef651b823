/** What an operator asked of a tunnel: its kind and what goes with it. The schema is also the stored format. */

import { z } from 'zod';
import { familyOf, isIp } from '../net/address.js';
import { LINK_NAME_PATTERN } from '../net/names.js';

const wireguard = z.strictObject({ kind: z.literal('wireguard') });

const gre = z.strictObject({
  kind: z.literal('gre'),
  /** In UDP (FOU), for a backend behind NAT. */
  udp: z.boolean(),
  /** 32 bits in each packet (RFC 2890) that tell tunnels apart; null for none. */
  key: z.int().min(0).max(0xffff_ffff).nullable(),
});

const external = z.strictObject({
  kind: z.literal('external'),
  /** The relay's device that leads to the backend; somebody else makes it. */
  device: z.string().regex(LINK_NAME_PATTERN),
});

export const tunnelSpec = z.discriminatedUnion('kind', [wireguard, gre, external]);

export type TunnelSpec = z.infer<typeof tunnelSpec>;
export type TunnelKindName = TunnelSpec['kind'];
export type TunnelSpecOf<Name extends TunnelKindName> = Extract<TunnelSpec, { kind: Name }>;

/** As people call it: `wireguard`, `gre`, `gre in UDP`, `external (tun0)`. */
export function tunnelText(spec: TunnelSpec): string {
  if (spec.kind === 'external') return `external (${spec.device})`;
  return spec.kind === 'gre' && spec.udp ? 'gre in UDP' : spec.kind;
}

/** GRE over IPv6 has a device type of its own. */
export function greType(remote: string): 'gre' | 'ip6gre' {
  return isIp(remote) && familyOf(remote) === 'ipv6' ? 'ip6gre' : 'gre';
}
