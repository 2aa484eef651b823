/** The relay's side of the kernel: a reconciler over the store's state. Also used without a daemon, by `plan` and `down`. */

import type { Runner } from '@homeward/shared/host/runner';
import { createSysctlFiles } from '@homeward/shared/host/sysctl';
import { needsSystemdUnit } from '@homeward/shared/host/systemd';
import { forwardingPaths, guardedLinks } from '@homeward/shared/kernel/forwarding-guard';
import type { Ownership } from '@homeward/shared/kernel/owned-state';
import type { Snapshot } from '@homeward/shared/kernel/snapshot';
import { listListeners } from '@homeward/shared/kernel/sockets';
import { sshPorts } from '@homeward/shared/kernel/ssh-ports';
import { findUplink } from '@homeward/shared/kernel/uplink';
import { PROBE_LINK, RELAY_LINK, RELAY_TABLE } from '@homeward/shared/net/allocation';
import type { Ledger } from '@homeward/shared/reconcile/ledger';
import { createReconciler, foreignLinks, type Reconciler } from '@homeward/shared/reconcile/reconciler';
import type { Side } from '@homeward/shared/reconcile/side';
import { hostState } from '@homeward/shared/state/describe';
import { TUNNELS } from '@homeward/shared/tunnel/kinds';
import { createWireguardLink } from '@homeward/shared/tunnel/wireguard-link';
import type { Logger } from 'pino';
import { relayHostState } from '../desired/relay-state.js';
import { relayStaleFlows } from '../desired/stale-flows.js';
import type { RelayState } from '../store/state.js';

/** What a machine's WireGuard device gets where no uplink is found. */
const USUAL_UPLINK_MTU = 1500;

export const RELAY_OWNERSHIP: Ownership = {
  tables: [RELAY_TABLE],
  isLink: (name) => name === RELAY_LINK || name === PROBE_LINK,
  isRoutingTable: () => false,
  rules: false,
};

export type RelaySide = Side<RelayState>;

export interface RelayKernelDeps {
  readonly runner: Runner;
  readonly ledger: Ledger;
  readonly logger: Logger;
  readonly repair: boolean;
  /** Null where this relay was never set up. */
  state(): RelayState | null;
  /** Gets each look at the machine, for facts that are needed outside of the kernel. */
  onLook?(snapshot: Snapshot): void;
}

export function createRelayKernel(deps: RelayKernelDeps): Reconciler {
  const sysctls = createSysctlFiles();
  return createReconciler({
    ...deps,
    sysctls,
    ownership: RELAY_OWNERSHIP,
    createWireguardLink: async (link) => createWireguardLink(deps.runner, link, await needsSystemdUnit()),
    staleFlows: relayStaleFlows,
    async desired(snapshot, ledger) {
      const foreign = foreignLinks(snapshot);
      const state = deps.state();
      deps.onLook?.(snapshot);
      if (state === null) return hostState([]);
      return relayHostState(state, {
        mtu: tunnelMtu(snapshot),
        sshPorts: sshPorts(await listListeners(deps.runner)),
        guardedLinks: guardedLinks(ledger.sysctls, await sysctls.readAll(forwardingPaths(foreign)), foreign),
      });
    },
  });
}

export function tunnelMtu(snapshot: Snapshot): number {
  return TUNNELS.wireguard.mtu(findUplink(snapshot, RELAY_OWNERSHIP.isLink)?.link.mtu ?? USUAL_UPLINK_MTU);
}
