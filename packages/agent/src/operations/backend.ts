/** What the daemon's commands work with. */

import type { Audit } from '@homeward/shared/audit/audit-log';
import type { Snapshot } from '@homeward/shared/kernel/snapshot';
import type { Secret } from '@homeward/shared/net/secret';
import type { Reconciler } from '@homeward/shared/reconcile/reconciler';
import type { Upkeep } from '@homeward/shared/reconcile/upkeep';
import type { RelaySession } from '../daemon/relay-session.js';
import type { BackendState, OwnersDevice } from '../store/state.js';
import type { Enrollment } from './enroll.js';

export interface Backend {
  readonly version: string;
  readonly repair: boolean;
  readonly kernel: Reconciler;
  readonly upkeep: Upkeep;
  state(): BackendState;
  session(controllerKey: string): RelaySession | undefined;
  /** Who asked is who `audit` records. `device` is the owner's, for a relay whose tunnel somebody else makes. */
  enroll(
    token: Secret,
    timeoutMs: number,
    device: OwnersDevice | null,
    audit: Audit,
    signal: AbortSignal,
  ): Promise<Enrollment>;
  /** Names the device that leads to a relay, and lets the relay offer anew. */
  useDevice(controllerKey: string, device: OwnersDevice, audit: Audit): Promise<void>;
  /** Forgets offers that wait to be confirmed: nobody is to bring anything back. */
  undoUnconfirmed(): Promise<void>;
  /** Ends a pairing from here; true when the relay was told. */
  leave(controllerKey: string, audit: Audit): Promise<boolean>;
  /** Why the audit log loses entries at present, or null. */
  auditProblem(): string | null;
  snapshot(): Promise<Snapshot>;
}
