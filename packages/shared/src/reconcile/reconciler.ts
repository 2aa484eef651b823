/**
 * Brings the kernel to the desired state and keeps it there: observe → diff → plan → apply → observe again.
 *
 * INVARIANTS
 * - One run at a time; those that are asked for while one runs are one together.
 * - A run looks at the machine afresh, unless it was asked to go by the last look: then it looks afterwards.
 * - Mending goes by what was told: it is quick, not complete, and a run follows.
 * - A sysctl's value is recorded, durably, before it is first written.
 * - A run has succeeded only when a second look finds all there that was newly wanted; elements that nft accepted count as
 *   seen. What somebody undid meanwhile is the next run's business.
 * - Without repair, after the first run, only what is desired otherwise than before is changed; what others changed is
 *   told, not mended.
 */

import type { Logger } from 'pino';
import { RelayError } from '../errors/relay-error.js';
import { ownedState } from '../kernel/owned-state.js';
import type { Snapshot } from '../kernel/snapshot.js';
import type { StaleFlows } from '../kernel/stale-flows.js';
import type { HostState } from '../state/resources.js';
import { type ApplyDeps, apply, applyAll } from './apply.js';
import { type Change, changeText, diff, subjectOf } from './diff.js';
import { createKernelRecords, type Restoration } from './kernel-records.js';
import type { Ledger } from './ledger.js';
import { createObserver, type Look, type LookPart, type ObserverDeps } from './observer.js';
import { plan } from './plan.js';
import { createRunQueue, type Outcome } from './run-queue.js';
import type { Step } from './step.js';
import { newWishes, possibleWishes } from './wishes.js';

export interface ReconcilerDeps<Facts> extends ApplyDeps, ObserverDeps<Facts> {
  readonly ledger: Ledger;
  readonly logger: Logger;
  /** False: watch, do not mend. */
  readonly repair: boolean;
  /** UDP flows that the changes lead elsewhere than before. */
  staleFlows(changes: readonly Change[], snapshot: Snapshot): readonly StaleFlows[];
}

export type Teardown = Restoration;

export interface Reconciler {
  /**
   * Makes the kernel as desired. Throws the first error of applying, or `command-failed` when something newly wanted is not there. A new
   * wish that should be fulfilled at once may go by the last look, some seconds old, of which no monitor has told a change.
   */
  reconcile(goBy?: 'last-look'): Promise<Outcome>;
  /**
   * Mends what was damaged in parts of the kernel that monitors told of, by what else was seen at the last look: a whole
   * look takes several times as long, and is to follow. Without repair, or before the first look, nothing is done.
   */
  mend(parts: ReadonlySet<LookPart>): Promise<Outcome>;
  /** Lets a WireGuard device that is desired begin its sessions anew, also without repair: nothing is changed by that. */
  renewWireguard(link: string): Promise<void>;
  /** Whether a link of that name was made by us. */
  ownsLink(name: string): boolean;
  /** What a reconcile would change now, all elements looked at; changes nothing. */
  plan(): Promise<Change[]>;
  /** The next look lists all elements, whatever is remembered of them. */
  forgetElements(): void;
  /** Somebody changed something since the last look. */
  forgetLook(): void;
  /** Removes everything of this side and puts sysctls back. From then on this reconciler changes nothing more. */
  teardown(): Promise<Teardown>;
}

const NOTHING_DONE: Outcome = { changed: [], drift: [] };

export function createReconciler<Facts>(deps: ReconcilerDeps<Facts>): Reconciler {
  const { ownership, ledger } = deps;
  const observer = createObserver(deps);
  const records = createKernelRecords(deps);
  const queue = createRunQueue(reconcileOnce);
  /** What the last run wanted, to tell a new wish from somebody else's change. */
  let lastDesired: HostState | null = null;
  let isTornDown = false;

  async function carryOut(changes: readonly Change[], current: Look): Promise<void> {
    const flows = deps.staleFlows(changes, current.snapshot);
    const forget: Step[] = flows.length === 0 ? [] : [{ kind: 'forget-flows', flows }];
    // Last, when the new way stands: forgotten before, a flow could take the old one again.
    const steps = [...plan(changes, current.desired), ...forget];
    await records.beforeWriting(steps, current.snapshot);
    try {
      await apply(steps, deps);
    } catch (error) {
      // Who knows how far it came.
      observer.forgetElements();
      observer.forget();
      throw error;
    }
    observer.applied(changes, changes.length === current.changes.length ? current.desired : null);
    await records.afterWriting(steps, observer.tables);
  }

  async function reconcileOnce(mayGoByLastLook: boolean): Promise<Outcome> {
    if (isTornDown) return NOTHING_DONE;
    const before = (mayGoByLastLook ? observer.last() : null) ?? (await observer.whole());
    const wanted =
      deps.repair || lastDesired === null
        ? before.changes
        : possibleWishes(before.changes, before.desired, lastDesired);
    const isWanted = new Set(wanted);
    const drift = before.changes.filter((change) => !isWanted.has(change)).map(changeText);
    if (wanted.length > 0) {
      await carryOut(wanted, before);
      // Compared with what this run wanted: what is desired may have changed meanwhile, and the next run brings it about.
      const after = diff(before.desired, (await observer.whole()).observed);
      const keys = new Set(wanted.map((change) => change.key));
      const left = after.filter((change) => keys.has(change.key));
      // What was right before and is undone already is somebody's contest with us, and no failure of what was newly wanted.
      const unfulfilled = lastDesired === null ? left : newWishes(left, before.desired, lastDesired);
      if (unfulfilled.length > 0) {
        throw new RelayError(
          'command-failed',
          `after applying, this still differs: ${unfulfilled.map(changeText).join('; ')}`,
        );
      }
    }
    // With the last relay goes the need for what was switched on.
    if (before.desired.size === 0) {
      const { kept } = await records.putSysctlsBack(before.snapshot);
      for (const line of kept) deps.logger.warn(line);
    }
    lastDesired = before.desired;
    return { changed: wanted.map(changeText), drift };
  }

  async function mendOnce(parts: ReadonlySet<LookPart>): Promise<Outcome> {
    if (isTornDown || !deps.repair || lastDesired === null) return NOTHING_DONE;
    const found = await observer.again(parts);
    if (found === null || found.changes.length === 0) return NOTHING_DONE;
    await carryOut(found.changes, found);
    observer.forget();
    return { changed: found.changes.map(changeText), drift: [] };
  }

  async function renewOnce(link: string): Promise<void> {
    if (isTornDown) return;
    const { desired, observed } = await observer.whole();
    const device = desired.get(`wireguard ${link}`);
    // One that is not there is made by the next run, and begins anew by that.
    if (device?.kind !== 'wireguard-device' || !observed.has(`wireguard ${link}`)) return;
    await apply([{ kind: 'renew-wireguard', device }], deps);
  }

  async function teardownOnce(): Promise<Teardown> {
    // From here on nothing is mended, also if something cannot be removed or the caller goes away.
    isTornDown = true;
    const snapshot = await observer.snapshot();
    const record = ledger.current();
    const observed = ownedState(snapshot, ownership, record.tables, new Map(), record);
    const changes = diff(new Map(), observed);
    const errors = await applyAll(plan(changes, new Map()), deps);
    const sysctls = await records.putSysctlsBack(snapshot);
    if (errors.length === 0) errors.push(...(await records.forgetAll()));
    const coarse = changes.filter((change) => subjectOf(change).kind !== 'nft-element');
    return {
      removed: [...coarse.map((change) => change.key), ...sysctls.removed],
      kept: sysctls.kept,
      errors: [...errors, ...sysctls.errors],
    };
  }

  return {
    ownsLink: (name) => ledger.current().links.includes(name),
    reconcile: queue.reconcile,
    mend: (parts) => queue.exclusively(() => mendOnce(parts)),
    renewWireguard: (link) => queue.exclusively(() => renewOnce(link)),
    plan: () =>
      queue.exclusively(async () => {
        observer.forgetElements();
        return (await observer.whole()).changes;
      }),
    forgetElements: observer.forgetElements,
    forgetLook: observer.outdate,
    teardown: () => queue.exclusively(teardownOnce),
  };
}
