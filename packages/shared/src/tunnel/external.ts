/** The external tunnel: a device that somebody else made and keeps (OpenVPN, ZeroTier, a VLAN …). Nothing of it is ours. Pure. */

import { parseLinkName } from '../net/names.js';
import type { TunnelKind } from './tunnel-kind.js';

export const externalTunnel: TunnelKind<'external'> = {
  relayLink: ({ spec }) => parseLinkName(spec.device),
  mtu: ({ devices }, { spec }) => devices[spec.device]?.mtu ?? null,
  relayResources: () => [],
  offer: ({ devices }, { spec }) => {
    const device = devices[spec.device];
    if (device === undefined) return null;
    // Which device it is there, the backend's owner says: no relay names a device of somebody else's machine.
    return { kind: 'external', relayAddress: device.ipv4, relayAddress6: device.ipv6 };
  },
  backendResources: () => [],
};
