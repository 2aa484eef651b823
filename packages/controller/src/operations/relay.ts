/** What every operation of the daemon works with. */

import type { Audit } from '@homeward/shared/audit/audit-log';
import type { StartGuard } from '@homeward/shared/confirm/start-guard';
import type { Runner } from '@homeward/shared/host/runner';
import type { Store } from '@homeward/shared/host/store';
import type { Reconciler } from '@homeward/shared/reconcile/reconciler';
import type { Upkeep } from '@homeward/shared/reconcile/upkeep';
import type { Logger } from 'pino';
import type { Backends } from '../daemon/backends.js';
import type { Changes } from '../daemon/changes.js';
import type { FouMappings } from '../daemon/fou-mappings.js';
import type { Machine } from '../daemon/machine.js';
import type { RelayPorts } from '../forwards/conflicts.js';
import type { ProbeTarget } from '../probe/measure.js';
import type { ProbeResult } from '../probe/verdict.js';
import type { AgentServer } from '../server/agent-server.js';
import type { RelayState } from '../store/state.js';

export interface Relay {
  /** Its changes are in the audit log as the doing of whom this relay acts for. */
  readonly store: Store<RelayState>;
  readonly runner: Runner;
  readonly kernel: Reconciler;
  readonly upkeep: Upkeep;
  readonly machine: Machine;
  readonly server: AgentServer;
  readonly backends: Backends;
  readonly mappings: FouMappings;
  readonly changes: Changes;
  readonly logger: Logger;
  readonly repair: boolean;
  readonly version: string;
  /** Of a change that could cut clients off; see `confirmed`. */
  readonly startGuard: StartGuard;
  probe(targets: readonly ProbeTarget[], signal: AbortSignal): Promise<ProbeResult[]>;
  /** Brings the kernel to the store's state. */
  readonly reconcile: Upkeep['reconcile'];
  /** What is protected, and who listens where, now. */
  ports(): Promise<RelayPorts>;
  /** Why the audit log loses entries at present, or null. */
  auditProblem(): string | null;
  now(): Date;
  /** The same relay, acting for somebody: what it stores is recorded there. */
  actingFor(audit: Audit): Relay;
}
