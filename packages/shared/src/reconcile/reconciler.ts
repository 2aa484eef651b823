/**
 * Brings the kernel to the desired state and keeps it there: observe → diff → plan → apply → observe again.
 *
 * INVARIANTS
 * - One run at a time; a run always looks at the kernel afresh.
 * - A sysctl's value is recorded, durably, before it is first written.
 * - A run has succeeded only when a second look finds no difference.
 * - Without repair, only what is desired otherwise than before is changed; what others changed is told, not mended.
 */

import type { Logger } from 'pino';
import { RelayError } from '../errors/relay-error.js';
import { type Ownership, ownedState } from '../kernel/owned-state.js';
import { type Snapshot, takeSnapshot } from '../kernel/snapshot.js';
import type { StaleFlows } from '../kernel/stale-flows.js';
import { textOf } from '../state/describe.js';
import type { HostState, Sysctl } from '../state/resources.js';
import { type ApplyDeps, apply, applyAll } from './apply.js';
import { type Change, changeText, diff } from './diff.js';
import type { Ledger, LedgerRecord } from './ledger.js';
import { plan } from './plan.js';
import type { Step } from './step.js';
import { pathsToRecord, recordSysctls, sysctlRestoration } from './sysctl-record.js';

export interface ReconcilerDeps extends ApplyDeps {
  readonly ownership: Ownership;
  readonly ledger: Ledger;
  readonly logger: Logger;
  /** False: watch, do not mend. */
  readonly repair: boolean;
  /** What should be in the kernel, given what is on the machine. */
  desired(snapshot: Snapshot, ledger: LedgerRecord): Promise<HostState>;
  /** UDP flows that the changes lead elsewhere than before. */
  staleFlows(changes: readonly Change[], snapshot: Snapshot): readonly StaleFlows[];
}

export interface Outcome {
  /** Plan lines of what was changed; empty when everything was right. */
  readonly changed: readonly string[];
  /** Plan lines of what differs and was left so. */
  readonly drift: readonly string[];
}

export interface Teardown {
  readonly removed: readonly string[];
  /** Sysctls that stay, with the reason. */
  readonly kept: readonly string[];
  readonly errors: readonly RelayError[];
}

export interface Reconciler {
  /** Makes the kernel as desired. Throws the first error of applying, or `command-failed` when a difference stays. */
  reconcile(): Promise<Outcome>;
  /** What a reconcile would change now; changes nothing. */
  plan(): Promise<Change[]>;
  /** Removes everything of this side and puts sysctls back. From then on this reconciler changes nothing more. */
  teardown(): Promise<Teardown>;
}

interface Look {
  readonly snapshot: Snapshot;
  readonly desired: HostState;
  readonly observed: HostState;
  readonly changes: Change[];
}

export function createReconciler(deps: ReconcilerDeps): Reconciler {
  const { ownership, ledger } = deps;
  let queue: Promise<unknown> = Promise.resolve();
  /** What the last run wanted, to tell a new wish from somebody else's change. */
  let lastDesired: HostState | null = null;
  let isTornDown = false;

  function exclusively<Value>(task: () => Promise<Value>): Promise<Value> {
    const run = queue.then(task, task);
    queue = run;
    return run;
  }

  function snapshotNow(): Promise<Snapshot> {
    return takeSnapshot(deps.runner, ownership.tables, ownership.isLink);
  }

  async function look(): Promise<Look> {
    const snapshot = await snapshotNow();
    const desired = await deps.desired(snapshot, ledger.current());
    const sysctls = await readSysctls([...desired.values()].flatMap((r) => (r.kind === 'sysctl' ? [r.path] : [])));
    const observed = ownedState(snapshot, ownership, ledger.current().tables, sysctls);
    return { snapshot, desired, observed, changes: diff(desired, observed) };
  }

  async function readSysctls(paths: readonly string[]): Promise<Map<string, string | null>> {
    const entries = await Promise.all(paths.map(async (path) => [path, await deps.sysctls.read(path)] as const));
    return new Map(entries);
  }

  async function recordBeforeWriting(steps: readonly Step[], snapshot: Snapshot): Promise<void> {
    const written: Sysctl[] = steps.flatMap((step) => (step.kind === 'sysctl' ? [step.sysctl] : []));
    const paths = pathsToRecord(written, ownership.isLink);
    if (paths.length === 0) return;
    const found = await readSysctls(paths);
    await ledger.save(recordSysctls(ledger.current(), written, found, foreignLinks(snapshot, ownership)));
  }

  /** The listing of a table right after it was loaded is what later listings are compared with. */
  async function rememberTables(steps: readonly Step[]): Promise<void> {
    const loaded = Object.assign({}, ...steps.map((step) => (step.kind === 'nft' ? step.tables : {})));
    if (Object.keys(loaded).length === 0) return;
    const { tables } = await snapshotNow();
    const remembered = { ...ledger.current().tables };
    for (const [name, fingerprint] of Object.entries<string>(loaded)) {
      const listing = tables.get(name);
      if (listing !== undefined) remembered[name] = { fingerprint, digest: listing.digest };
    }
    await ledger.save({ ...ledger.current(), tables: remembered });
  }

  async function carryOut(changes: readonly Change[], current: Look): Promise<void> {
    const flows = deps.staleFlows(changes, current.snapshot);
    const forget: Step[] = flows.length === 0 ? [] : [{ kind: 'forget-flows', flows }];
    // Last, when the new way stands: forgotten before, a flow could take the old one again.
    const steps = [...plan(changes, current.desired), ...forget];
    await recordBeforeWriting(steps, current.snapshot);
    await apply(steps, deps);
    await rememberTables(steps);
  }

  async function reconcileOnce(): Promise<Outcome> {
    if (isTornDown) return { changed: [], drift: [] };
    const before = await look();
    const wanted = deps.repair || lastDesired === null ? before.changes : newWishes(before, lastDesired);
    const drift = before.changes.filter((change) => !wanted.includes(change)).map(changeText);
    if (wanted.length > 0) {
      await carryOut(wanted, before);
      const after = await look();
      const left = after.changes.filter((change) => wanted.some((wish) => wish.key === change.key));
      if (left.length > 0) {
        throw new RelayError(
          'command-failed',
          `after applying, this still differs: ${left.map(changeText).join('; ')}`,
        );
      }
    }
    lastDesired = before.desired;
    return { changed: wanted.map(changeText), drift };
  }

  async function teardownOnce(): Promise<Teardown> {
    const snapshot = await snapshotNow();
    const record = ledger.current();
    const observed = ownedState(snapshot, ownership, record.tables, new Map());
    const changes = diff(new Map(), observed);
    const present = await readSysctls(Object.keys(record.sysctls));
    const { restore, kept } = sysctlRestoration(record, present, foreignLinks(snapshot, ownership));
    const putBack = restore.filter((sysctl) => present.get(sysctl.path) !== sysctl.value);
    const errors = await applyAll(
      [...plan(changes, new Map()), ...restore.map((sysctl) => ({ kind: 'sysctl' as const, sysctl }))],
      deps,
    );
    if (errors.length === 0) await ledger.save({ ...record, sysctls: {}, tables: {} });
    isTornDown = true;
    const coarse = changes.filter((change) => change.kind === 'delete' && change.observed.kind !== 'nft-element');
    return {
      removed: [
        ...coarse.map((change) => change.key),
        ...putBack.map((sysctl) => `sysctl ${sysctl.path} back to ${sysctl.value}`),
      ],
      kept,
      errors,
    };
  }

  return {
    reconcile: () => exclusively(reconcileOnce),
    plan: () => exclusively(async () => (await look()).changes),
    teardown: () => exclusively(teardownOnce),
  };
}

/** Changes of resources that are now desired otherwise than at the last run. */
function newWishes(look: Look, lastDesired: HostState): Change[] {
  return look.changes.filter((change) => {
    const now = look.desired.get(change.key);
    const last = lastDesired.get(change.key);
    if (now === undefined || last === undefined) return now !== last;
    return textOf(now) !== textOf(last);
  });
}

/** Links that are not ours, without loopback. */
export function foreignLinks(snapshot: Snapshot, ownership: Ownership): string[] {
  return snapshot.links.map((link) => link.name).filter((name) => name !== 'lo' && !ownership.isLink(name));
}
