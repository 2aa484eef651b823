/** The facts of a machine as a relay's kernel needs them: one without firewalls of others, devices and listeners. */

import type { RelayFacts } from '@homeward/controller/desired/relay-state';
import { NO_UFW } from '@homeward/shared/kernel/ufw';
import { FAMILIES } from '@homeward/shared/net/address';
import { parsePortRange } from '@homeward/shared/net/port';

export function relayFacts(otherwise: Partial<RelayFacts> = {}): RelayFacts {
  return {
    uplinkMtu: 1500,
    families: FAMILIES,
    devices: {},
    forwarding: { guarded: { ipv4: [], ipv6: [] }, advertised: [], switched: [] },
    sshPorts: [],
    docker: [],
    ufw: NO_UFW,
    firewalld: null,
    control: null,
    uplinks: [],
    ownTcpPorts: [],
    doors: [],
    localPorts: parsePortRange('32768-60999'),
    ...otherwise,
  };
}
