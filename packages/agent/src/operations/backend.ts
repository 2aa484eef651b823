/** What the daemon's commands work with. */

import type { Snapshot } from '@homeward/shared/kernel/snapshot';
import type { Secret } from '@homeward/shared/net/secret';
import type { Reconciler } from '@homeward/shared/reconcile/reconciler';
import type { RelaySession } from '../daemon/relay-session.js';
import type { BackendState } from '../store/state.js';
import type { Enrollment } from './enroll.js';

export interface Backend {
  readonly version: string;
  readonly repair: boolean;
  readonly kernel: Reconciler;
  state(): BackendState;
  session(controllerKey: string): RelaySession | undefined;
  enroll(token: Secret, timeoutMs: number, signal: AbortSignal): Promise<Enrollment>;
  /** Ends a pairing from here; true when the relay was told. */
  leave(controllerKey: string): Promise<boolean>;
  snapshot(): Promise<Snapshot>;
}
