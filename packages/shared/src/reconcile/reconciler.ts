/**
 * Brings the kernel to the desired state and keeps it there: observe → diff → plan → apply → observe again.
 *
 * INVARIANTS
 * - One run at a time; those that are asked for while one runs are one together.
 * - A run looks at the machine afresh, unless it was asked to go by the last look: then it looks afterwards.
 * - A sysctl's value is recorded, durably, before it is first written.
 * - A run has succeeded only when a second look finds no difference; elements that nft accepted count as seen.
 * - Without repair, after the first run, only what is desired otherwise than before is changed; what others changed is
 *   told, not mended.
 */

import type { Logger } from 'pino';
import { RelayError } from '../errors/relay-error.js';
import { type Ownership, ownedState, type SysctlValues } from '../kernel/owned-state.js';
import { type Snapshot, takeSnapshot } from '../kernel/snapshot.js';
import type { StaleFlows } from '../kernel/stale-flows.js';
import type { HostState } from '../state/resources.js';
import { type ApplyDeps, apply, applyAll } from './apply.js';
import { type Change, changeText, diff, subjectOf } from './diff.js';
import { createElementMemory } from './element-memory.js';
import { createKernelRecords, type Restoration } from './kernel-records.js';
import type { Ledger, LedgerRecord } from './ledger.js';
import { plan } from './plan.js';
import type { Step } from './step.js';
import { newWishes } from './wishes.js';

export interface ReconcilerDeps<Facts> extends ApplyDeps {
  readonly ownership: Ownership;
  readonly ledger: Ledger;
  readonly logger: Logger;
  /** False: watch, do not mend. */
  readonly repair: boolean;
  /** What else planning depends on: sockets, sysctls, files. */
  facts(snapshot: Snapshot, ledger: LedgerRecord): Promise<Facts>;
  /** What should be in the kernel by now, given what is on the machine. */
  desired(facts: Facts): HostState;
  /** UDP flows that the changes lead elsewhere than before. */
  staleFlows(changes: readonly Change[], snapshot: Snapshot): readonly StaleFlows[];
}

export interface Outcome {
  /** Plan lines of what was changed; empty when everything was right. */
  readonly changed: readonly string[];
  /** Plan lines of what differs and was left so. */
  readonly drift: readonly string[];
}

export type Teardown = Restoration;

export interface Reconciler {
  /**
   * Makes the kernel as desired. Throws the first error of applying, or `command-failed` when a difference stays. A new
   * wish that should be fulfilled at once may go by the last look, some seconds old, of which no monitor has told a change.
   */
  reconcile(goBy?: 'last-look'): Promise<Outcome>;
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

/** What was found on the machine. */
interface Found<Facts> {
  readonly snapshot: Snapshot;
  readonly facts: Facts;
  readonly sysctls: SysctlValues;
}

interface Look {
  readonly snapshot: Snapshot;
  readonly desired: HostState;
  readonly observed: HostState;
  readonly changes: Change[];
}

export function createReconciler<Facts>(deps: ReconcilerDeps<Facts>): Reconciler {
  const { ownership, ledger } = deps;
  const memory = createElementMemory();
  const records = createKernelRecords(deps);
  let queue: Promise<unknown> = Promise.resolve();
  /** What the last run wanted, to tell a new wish from somebody else's change. */
  let lastDesired: HostState | null = null;
  let isTornDown = false;
  let lastFound: Found<Facts> | null = null;
  let nextRun: { readonly outcome: Promise<Outcome>; mayGoByLastLook: boolean } | null = null;

  function exclusively<Value>(task: () => Promise<Value>): Promise<Value> {
    const run = queue.then(task, task);
    queue = run;
    return run;
  }

  async function snapshotNow(): Promise<Snapshot> {
    const withElements = memory.unknown(ownership.tables);
    const wanted = { names: ownership.tables, withElements };
    const snapshot = await takeSnapshot(deps.runner, wanted, ownership.isLink);
    return memory.complete(snapshot, withElements) ?? snapshotNow();
  }

  async function look(): Promise<Look> {
    const snapshot = await snapshotNow();
    const facts = await deps.facts(snapshot, ledger.current());
    const wanted = [...deps.desired(facts).values()].flatMap((r) => (r.kind === 'sysctl' ? [r.path] : []));
    lastFound = { snapshot, facts, sysctls: await deps.sysctls.readAll(wanted) };
    return lookAt(lastFound);
  }

  function lookAt({ snapshot, facts, sysctls }: Found<Facts>): Look {
    const desired = deps.desired(facts);
    const record = ledger.current();
    const observed = ownedState(snapshot, ownership, record.tables, sysctls, record);
    return { snapshot, desired, observed, changes: diff(desired, observed) };
  }

  /** Only elements may be added or removed by the last look: whatever else is to be done deserves a fresh one. */
  function lookByLastOne(): Look | null {
    const snapshot = lastFound === null ? null : memory.complete(lastFound.snapshot, []);
    if (lastFound === null || snapshot === null || memory.unknown(ownership.tables).length > 0) return null;
    const found = lookAt({ ...lastFound, snapshot });
    return found.changes.every((change) => subjectOf(change).kind === 'nft-element') ? found : null;
  }

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
      memory.forget();
      throw error;
    }
    memory.apply(changes, changes.length === current.changes.length ? current.desired : null);
    await records.afterWriting(steps, async () => (await snapshotNow()).tables);
  }

  async function reconcileOnce(mayGoByLastLook: boolean): Promise<Outcome> {
    if (isTornDown) return { changed: [], drift: [] };
    const before = (mayGoByLastLook ? lookByLastOne() : null) ?? (await look());
    const wanted =
      deps.repair || lastDesired === null ? before.changes : newWishes(before.changes, before.desired, lastDesired);
    const isWanted = new Set(wanted);
    const drift = before.changes.filter((change) => !isWanted.has(change)).map(changeText);
    if (wanted.length > 0) {
      await carryOut(wanted, before);
      // Compared with what this run wanted: what is desired may have changed meanwhile, and the next run brings it about.
      const after = diff(before.desired, (await look()).observed);
      const keys = new Set(wanted.map((change) => change.key));
      const left = after.filter((change) => keys.has(change.key));
      if (left.length > 0) {
        throw new RelayError(
          'command-failed',
          `after applying, this still differs: ${left.map(changeText).join('; ')}`,
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

  function reconcileNext(): Promise<Outcome> {
    const mayGoByLastLook = nextRun?.mayGoByLastLook === true;
    nextRun = null;
    return reconcileOnce(mayGoByLastLook);
  }

  async function teardownOnce(): Promise<Teardown> {
    // From here on nothing is mended, also if something cannot be removed or the caller goes away.
    isTornDown = true;
    const snapshot = await snapshotNow();
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
    reconcile(goBy) {
      const run = nextRun ?? { mayGoByLastLook: true, outcome: exclusively(() => reconcileNext()) };
      run.mayGoByLastLook &&= goBy === 'last-look';
      nextRun = run;
      return run.outcome;
    },
    plan: () =>
      exclusively(async () => {
        memory.forget();
        return (await look()).changes;
      }),
    forgetElements: memory.forget,
    forgetLook() {
      lastFound = null;
    },
    teardown: () => exclusively(teardownOnce),
  };
}
