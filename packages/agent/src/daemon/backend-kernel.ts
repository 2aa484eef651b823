/** The backend's side of the kernel: a reconciler over the accepted offers. Also used without a daemon, by `plan` and `down`. */

import type { Runner } from '@homeward/shared/host/runner';
import { createSysctlFiles } from '@homeward/shared/host/sysctl';
import { needsSystemdUnit } from '@homeward/shared/host/systemd';
import { availableFamilies } from '@homeward/shared/kernel/families';
import { type Firewalls, firewallsOf } from '@homeward/shared/kernel/firewalls';
import { forwardingFacts } from '@homeward/shared/kernel/forwarding';
import type { Ownership } from '@homeward/shared/kernel/owned-state';
import type { Snapshot } from '@homeward/shared/kernel/snapshot';
import { type Listener, listListeners } from '@homeward/shared/kernel/sockets';
import type { Family } from '@homeward/shared/net/address';
import {
  BACKEND_TABLE,
  FIREWALLD_PRIORITIES,
  isRelayRule,
  isSlotLink,
  isSlotTable,
  slotNumbers,
} from '@homeward/shared/net/allocation';
import type { Forward } from '@homeward/shared/net/forward-spec';
import type { Port } from '@homeward/shared/net/port';
import { foreignLinks } from '@homeward/shared/reconcile/kernel-records';
import type { Ledger, LedgerRecord } from '@homeward/shared/reconcile/ledger';
import { createItemMemory, createPlanMemory, type PlanInput } from '@homeward/shared/reconcile/plan-memory';
import { createReconciler, type Reconciler } from '@homeward/shared/reconcile/reconciler';
import type { Side } from '@homeward/shared/reconcile/side';
import { createWireguardLink } from '@homeward/shared/tunnel/wireguard-link';
import type { Logger } from 'pino';
import type { DeliveredForward } from '../desired/arrivals.js';
import { type BackendFacts, backendState, type RelayTunnel } from '../desired/backend-state.js';
import { slotHolder } from '../desired/slot-obstacles.js';
import { backendStaleFlows } from '../desired/stale-flows.js';
import type { OwnSide, Policy } from '../policy.js';
import { pairedRelays } from '../store/relays.js';
import type { BackendState } from '../store/state.js';
import type { ForwardReader } from './forward-reader.js';
import type { ForwardSorter } from './forward-sorter.js';
import { ownSide, relayTunnel } from './offer-check.js';
import { createSourceOracle } from './source-oracle.js';

export type BackendSide = Side<BackendState>;

export const BACKEND_OWNERSHIP: Ownership = {
  tables: [BACKEND_TABLE],
  isLink: isSlotLink,
  isRoutingTable: isSlotTable,
  isRule: (priority) => !isRelayRule(priority),
  firewalld: { priority: FIREWALLD_PRIORITIES.backend, isTrustedLink: isSlotLink },
};

/** What a look at the machine found beside our own state. */
export interface MachineLook {
  readonly snapshot: Snapshot;
  readonly listeners: readonly Listener[];
  readonly policy: Policy;
  readonly families: readonly Family[];
}

export interface BackendKernelDeps {
  readonly runner: Runner;
  readonly ledger: Ledger;
  readonly logger: Logger;
  readonly repair: boolean;
  /** Null where this backend never enrolled. */
  state(): BackendState | null;
  policy(): Promise<Policy>;
  readonly readForwards: ForwardReader;
  readonly sortForwards: ForwardSorter;
  /** SSH's ports seen so far. */
  readonly knownSshPorts: Set<number>;
  echoPort(): Port;
  /** Gets each look, for decisions that are made outside of the kernel. */
  onLook?(look: MachineLook): void;
}

/** What planning depends on. */
type KernelFacts = MachineLook &
  Pick<BackendFacts, 'sources' | 'forwarding' | keyof Firewalls> & {
    readonly own: OwnSide;
    /** Whether a slot's link is ours to make. */
    isFree(slot: number): boolean;
  };

export function createBackendKernel(deps: BackendKernelDeps): Reconciler {
  const sysctls = createSysctlFiles();
  const sources = createSourceOracle(deps.runner);
  const planned = createPlanMemory();
  const memory = createItemMemory<Forward, DeliveredForward>();
  return createReconciler({
    ...deps,
    sysctls,
    ownership: BACKEND_OWNERSHIP,
    createWireguardLink: async (link) => createWireguardLink(deps.runner, link, await needsSystemdUnit()),
    staleFlows: (changes, snapshot) =>
      backendStaleFlows(changes, snapshot.tables.get(BACKEND_TABLE)?.elements ?? new Map()),
    async facts(snapshot, ledger): Promise<KernelFacts> {
      const [listeners, policy, families, forwarding] = await Promise.all([
        listListeners(deps.runner),
        deps.policy(),
        availableFamilies(sysctls),
        forwardingFacts(sysctls, ledger.sysctls, foreignLinks(snapshot)),
      ]);
      deps.onLook?.({ snapshot, listeners, policy, families });
      return {
        ...{ snapshot, listeners, policy, families, forwarding },
        sources: await sources(snapshot, families),
        own: ownSide(snapshot, listeners, deps.knownSshPorts),
        ...firewallsOf(snapshot),
        isFree: (slot) => isFree(slot, snapshot, ledger),
      };
    },
    desired({ policy, own, isFree: isFreeSlot, ...machine }) {
      const state = deps.state();
      const tunnels = (state === null ? [] : pairedRelays(state))
        .filter((relay) => relay.accepted?.offer.tunnel.kind === 'external' || isFreeSlot(relay.slot))
        .flatMap((relay) => {
          const read = (specs: readonly string[]) => deps.readForwards(relay.controllerKey, specs);
          const allowed = (specs: readonly string[]) => deps.sortForwards(read(specs), policy, own).allowed;
          return relayTunnel(relay, policy, machine.snapshot, allowed);
        });
      const facts: BackendFacts = { ...machine, echoPort: deps.echoPort(), isOurLink: isSlotLink };
      return planned(planInput(tunnels, facts), () => backendState(tunnels, facts, memory));
    },
  });
}

function planInput(tunnels: readonly RelayTunnel[], facts: BackendFacts): PlanInput {
  const { snapshot, sources, ...rest } = facts;
  const { links, routes, rules } = snapshot;
  const small = tunnels.map(({ forwards: _, ...tunnel }) => tunnel);
  return {
    about: JSON.stringify([small, links, routes, rules, [...sources], rest]),
    lists: tunnels.map((tunnel) => tunnel.forwards),
  };
}

/** A slot whose link or table is a stranger's is left out: the other relays go on. */
function isFree(slot: number, snapshot: Snapshot, ledger: LedgerRecord): boolean {
  return ledger.links.includes(slotNumbers(slot).link) || slotHolder(slot, snapshot) === null;
}
