/** The relay's side of the kernel: a reconciler over the store's state. Also used without a daemon, by `plan` and `down`. */

import type { Runner } from '@homeward/shared/host/runner';
import { createSysctlFiles } from '@homeward/shared/host/sysctl';
import { needsSystemdUnit } from '@homeward/shared/host/systemd';
import { availableFamilies } from '@homeward/shared/kernel/families';
import { firewallsOf } from '@homeward/shared/kernel/firewalls';
import { forwardingFacts } from '@homeward/shared/kernel/forwarding';
import { localPortRange } from '@homeward/shared/kernel/local-ports';
import type { Ownership } from '@homeward/shared/kernel/owned-state';
import type { Snapshot } from '@homeward/shared/kernel/snapshot';
import { isLoopback, type Listener, listListeners } from '@homeward/shared/kernel/sockets';
import { SSH_PORT, sshPorts } from '@homeward/shared/kernel/ssh-ports';
import { deviceFacts, findUplink, uplinkNames } from '@homeward/shared/kernel/uplink';
import { FAMILIES } from '@homeward/shared/net/address';
import { isRelayRule, isRelayTunnelLink, MAIN_TABLE, PROBE_LINK, RELAY_TABLE } from '@homeward/shared/net/allocation';
import { type Forward, isWhole } from '@homeward/shared/net/forward-spec';
import type { Transport } from '@homeward/shared/net/transport';
import { foreignLinks } from '@homeward/shared/reconcile/kernel-records';
import type { Ledger } from '@homeward/shared/reconcile/ledger';
import { createItemMemory, createPlanMemory, type PlanInput } from '@homeward/shared/reconcile/plan-memory';
import { createReconciler, type Reconciler } from '@homeward/shared/reconcile/reconciler';
import type { Side } from '@homeward/shared/reconcile/side';
import { hostState } from '@homeward/shared/state/host-state';
import type { NftElement } from '@homeward/shared/state/resources';
import type { DeviceFacts } from '@homeward/shared/tunnel/tunnel-kind';
import { createWireguardLink } from '@homeward/shared/tunnel/wireguard-link';
import type { Logger } from 'pino';
import type { Settings } from '../config.js';
import { RELAY_IN_FIREWALLD } from '../desired/allowances.js';
import { type RelayFacts, relayHostState } from '../desired/relay-state.js';
import { relayStaleFlows } from '../desired/stale-flows.js';
import type { OwnDoor } from '../desired/whole-host.js';
import { tunnelPorts } from '../store/pairings.js';
import type { RelayState } from '../store/state.js';

/** Octets, where no uplink is found. */
const USUAL_UPLINK_MTU = 1500;

export const RELAY_OWNERSHIP: Ownership = {
  tables: [RELAY_TABLE],
  isLink: (name) => isRelayTunnelLink(name) || name === PROBE_LINK,
  // Routes with our protocol number to backends with a link of their own.
  isRoutingTable: (table) => table === MAIN_TABLE,
  isRule: isRelayRule,
  firewalld: RELAY_IN_FIREWALLD,
};

export type RelaySide = Side<RelayState>;

export interface RelayKernelDeps {
  readonly runner: Runner;
  readonly ledger: Ledger;
  readonly logger: Logger;
  readonly repair: boolean;
  /** Null where this relay was never set up. */
  state(): RelayState | null;
  /** Where the daemon is to be reached; null without one. */
  readonly listen: Settings['listen'] | null;
  /** Gets each look at the machine, for facts that are needed outside of the kernel. */
  onLook?(snapshot: Snapshot): void;
  /** Gets what `all` leaves to the relay. */
  onDoors?(doors: readonly OwnDoor[]): void;
}

/** What planning depends on; of the listeners what the present forwards make of them. */
type KernelFacts = Omit<RelayFacts, 'doors'> & { readonly listeners: readonly Listener[] };

export function createRelayKernel(deps: RelayKernelDeps): Reconciler {
  const sysctls = createSysctlFiles();
  // One that was seen once stays protected while its listener is away.
  const knownSshPorts = new Set([SSH_PORT]);
  const planned = createPlanMemory();
  const memory = createItemMemory<Forward, readonly NftElement[]>();
  return createReconciler({
    ...deps,
    sysctls,
    ownership: RELAY_OWNERSHIP,
    createWireguardLink: async (link) => createWireguardLink(deps.runner, link, await needsSystemdUnit()),
    staleFlows: relayStaleFlows,
    async facts(snapshot, ledger): Promise<KernelFacts> {
      deps.onLook?.(snapshot);
      const [listeners, localPorts, families, forwarding] = await Promise.all([
        listListeners(deps.runner),
        localPortRange(sysctls),
        availableFamilies(sysctls),
        forwardingFacts(sysctls, ledger.sysctls, foreignLinks(snapshot)),
      ]);
      const named = new Set(
        deps.state()?.pairings.flatMap(({ tunnel }) => ('device' in tunnel ? [tunnel.device] : [])),
      );
      for (const port of sshPorts(listeners)) knownSshPorts.add(port);
      return {
        ...{ listeners, uplinkMtu: uplinkMtu(snapshot), families, forwarding },
        devices: foreignDevices(snapshot, (name) => named.has(name)),
        sshPorts: sshPorts(listeners),
        ownTcpPorts: tcpPorts(listeners),
        localPorts,
        ...firewallsOf(snapshot),
        uplinks: uplinkNames(snapshot, RELAY_OWNERSHIP.isLink),
        control: reachableControlPort(deps.listen),
      };
    },
    desired({ listeners, ...rest }) {
      const state = deps.state();
      if (state === null) return hostState([]);
      const doors = ownDoors(state, listeners, deps.listen?.port ?? null, knownSshPorts);
      deps.onDoors?.(doors);
      const facts: RelayFacts = { ...rest, doors };
      return planned(planInput(state, facts), () => relayHostState(state, facts, memory));
    },
  });
}

/** Neither revisions nor proofs nor tokens lead a packet. */
function planInput({ wireguard, pool, pool6, pairings }: RelayState, facts: RelayFacts): PlanInput {
  const rest = pairings.map(({ forwards: _, revision: __, proof: ___, applied, ...pairing }) => ({
    ...pairing,
    applied: applied === null ? null : { ...applied, revision: 0 },
  }));
  return {
    about: JSON.stringify([wireguard, pool, pool6, rest, facts]),
    lists: pairings.map((pairing) => pairing.forwards),
  };
}

/** As others can reach it: a daemon on loopback has none. */
function reachableControlPort(listen: Settings['listen'] | null): RelayFacts['control'] {
  if (listen === null) return 'unknown';
  return isLoopback(listen.host) ? null : listen.port;
}

function tcpPorts(listeners: readonly Listener[]): number[] {
  const ports = listeners.filter(({ transport }) => transport === 'tcp').map(({ port }) => port);
  return [...new Set(ports)].sort((a, b) => a - b);
}

/** What `all` leaves to this machine. Nothing where there is none: planning would begin anew with each socket that comes or goes. */
function ownDoors(
  state: RelayState,
  listeners: readonly Listener[],
  controlPort: number | null,
  knownSshPorts: ReadonlySet<number>,
): OwnDoor[] {
  if (!state.pairings.some(({ forwards }) => forwards.some(isWhole))) return [];
  const everywhere = (transport: Transport) => (port: number) => ({ transport, address: '*', port });
  return [
    ...[...knownSshPorts, ...(controlPort === null ? [] : [controlPort])].map(everywhere('tcp')),
    ...tunnelPorts(state).map(everywhere('udp')),
    ...listeners
      .filter(({ address }) => !isLoopback(address))
      .map(({ transport, address, port }) => ({ transport, address, port })),
  ];
}

/** Octets; the smaller one where the families have uplinks of their own. */
export function uplinkMtu(snapshot: Snapshot): number {
  const uplinks = FAMILIES.map((family) => findUplink(snapshot, family, RELAY_OWNERSHIP.isLink)?.link.mtu);
  return Math.min(...uplinks.map((mtu) => mtu ?? USUAL_UPLINK_MTU));
}

/** Devices that are up and not ours, by name. */
export function foreignDevices(
  snapshot: Snapshot,
  isWanted: (name: string) => boolean,
): Readonly<Record<string, DeviceFacts>> {
  const wanted = snapshot.links.filter(({ name, up }) => up && isWanted(name) && !RELAY_OWNERSHIP.isLink(name));
  return Object.fromEntries(wanted.map((link) => [link.name, deviceFacts(link)]));
}
