/** What a relay's session works with at a backend, around a machine whose devices come and go. */

import type { MachineLook } from '@homeward/agent/daemon/backend-kernel';
import { createForwardReader } from '@homeward/agent/daemon/forward-reader';
import { sortForwards } from '@homeward/agent/daemon/forward-sorter';
import type { RelaySessionDeps } from '@homeward/agent/daemon/relay-session';
import { type Policy, parsePolicy } from '@homeward/agent/policy';
import type { BackendState, RelayRecord } from '@homeward/agent/store/state';
import type { Runner } from '@homeward/shared/host/runner';
import { openStore } from '@homeward/shared/host/store';
import type { Snapshot } from '@homeward/shared/kernel/snapshot';
import { FAMILIES } from '@homeward/shared/net/address';
import { port } from '@homeward/shared/net/port';
import type { Reconciler } from '@homeward/shared/reconcile/reconciler';
import { pino } from 'pino';
import { recordedAudit } from '../audit/recorded.js';
import { backendStateOf } from '../store/backend-states.js';

export interface Machine {
  snapshot: Snapshot;
  policy: Policy;
  /** What the kernel says to what is tried on; null for nothing. */
  refuses: string | null;
}

export const OPEN = parsePolicy('/etc/policy.json', {});

/** The change that a guard stands for: here none is needed. */
export const CHANGE = 'c0ffee0123456789';

/** The relays of a backend's store on that machine. */
export async function sessionDeps(machine: Machine, relays: readonly RelayRecord[]): Promise<RelaySessionDeps> {
  const first = backendStateOf(...relays);
  const store = await openStore<BackendState>(
    { read: async () => first, write: async () => undefined },
    async () => first,
  );
  const nothing = { changed: [], drift: [] };
  const kernel: Reconciler = {
    reconcile: async () => nothing,
    mend: async () => nothing,
    renewWireguard: async () => undefined,
    ownsLink: () => true,
    plan: async () => [],
    forgetElements: () => undefined,
    forgetLook: () => undefined,
    teardown: async () => ({ removed: [], kept: [], errors: [] }),
  };
  const runner: Runner = { run: async () => '', hasStarted: () => false };
  const trials: RelaySessionDeps['trials'] = new Map();
  return {
    ...{ store, runner, kernel, trials, sortForwards },
    logger: pino({ level: 'silent' }),
    audit: recordedAudit().log.by({ actor: 'relay' }),
    echoPort: port(40_404),
    version: '0.1.0',
    knownSshPorts: new Set(),
    policy: async () => machine.policy,
    lastLook: async (): Promise<MachineLook> => ({
      ...{ snapshot: machine.snapshot, policy: machine.policy, families: FAMILIES, listeners: [] },
    }),
    startGuard: async () => CHANGE,
    traceProbes: async () => ({ end: async () => [] }),
    readForwards: createForwardReader(),
    beginTunnelAnew: async () => undefined,
    async reconcile() {
      if (machine.refuses !== null && trials.size > 0) throw new Error(machine.refuses);
    },
  };
}
