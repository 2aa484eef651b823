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
import { isHomewardLink } from '../net/allocation.js';
import { elementsKey, keyOf, textOf } from '../state/describe.js';
import type { HostState, Resource, Sysctl } from '../state/resources.js';
import { type ApplyDeps, apply, applyAll } from './apply.js';
import { type Change, changeText, diff, subjectOf } from './diff.js';
import { createElementMemory } from './element-memory.js';
import type { Ledger, LedgerRecord } from './ledger.js';
import { plan } from './plan.js';
import type { Step } from './step.js';
import { pathsToRecord, recordSysctls, sysctlRestoration } from './sysctl-record.js';

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

export interface Teardown {
  readonly removed: readonly string[];
  /** Sysctls that stay, with the reason. */
  readonly kept: readonly string[];
  readonly errors: readonly RelayError[];
}

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

  const memory = createElementMemory();

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
    const { tables, links } = ledger.current();
    const observed = ownedState(snapshot, ownership, tables, sysctls, links);
    return { snapshot, desired, observed, changes: diff(desired, observed) };
  }

  /** Only elements may be added or removed by the last look: whatever else is to be done deserves a fresh one. */
  function lookByLastOne(): Look | null {
    const snapshot = lastFound === null ? null : memory.complete(lastFound.snapshot, []);
    if (lastFound === null || snapshot === null || memory.unknown(ownership.tables).length > 0) return null;
    const found = lookAt({ ...lastFound, snapshot });
    return found.changes.every((change) => subjectOf(change).kind === 'nft-element') ? found : null;
  }

  /** Before the first write, durably: sysctls as they were, and links as ours. */
  async function recordBeforeWriting(steps: readonly Step[], snapshot: Snapshot): Promise<void> {
    const links = steps.flatMap((step) => (step.kind === 'create-wireguard-link' ? [step.link] : []));
    refuseForeignLinks(links, snapshot);
    const written: Sysctl[] = steps.flatMap((step) => (step.kind === 'sysctl' ? [step.sysctl] : []));
    const foreign = foreignLinks(snapshot);
    const paths = pathsToRecord(written, foreign, ownership.isLink);
    if (paths.length === 0 && links.length === 0) return;
    const record = recordSysctls(ledger.current(), written, await deps.sysctls.readAll(paths), foreign);
    await ledger.save({ ...record, links: [...new Set([...record.links, ...links])] });
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

  /** A name that is free again may be taken by somebody else. */
  async function forgetLinks(steps: readonly Step[]): Promise<void> {
    const gone = new Set<string>(steps.flatMap((step) => (step.kind === 'delete-link' ? [step.link] : [])));
    if (gone.size === 0) return;
    await ledger.save({ ...ledger.current(), links: ledger.current().links.filter((link) => !gone.has(link)) });
  }

  async function carryOut(changes: readonly Change[], current: Look): Promise<void> {
    const flows = deps.staleFlows(changes, current.snapshot);
    const forget: Step[] = flows.length === 0 ? [] : [{ kind: 'forget-flows', flows }];
    // Last, when the new way stands: forgotten before, a flow could take the old one again.
    const steps = [...plan(changes, current.desired), ...forget];
    await recordBeforeWriting(steps, current.snapshot);
    try {
      await apply(steps, deps);
    } catch (error) {
      // Who knows how far it came.
      memory.forget();
      throw error;
    }
    memory.apply(changes, changes.length === current.changes.length ? current.desired : null);
    await forgetLinks(steps);
    await rememberTables(steps);
  }

  async function reconcileOnce(mayGoByLastLook: boolean): Promise<Outcome> {
    if (isTornDown) return { changed: [], drift: [] };
    const before = (mayGoByLastLook ? lookByLastOne() : null) ?? (await look());
    const wanted = deps.repair || lastDesired === null ? before.changes : newWishes(before, lastDesired);
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
      const { kept } = await putSysctlsBack(before.snapshot);
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

  /** Writes back what was recorded, as far as nobody else changed or needs it. */
  async function putSysctlsBack(snapshot: Snapshot): Promise<Teardown> {
    const record = ledger.current();
    if (Object.keys(record.sysctls).length === 0) return { removed: [], kept: [], errors: [] };
    const present = await deps.sysctls.readAll(Object.keys(record.sysctls));
    const { restore, kept } = sysctlRestoration(record, present, foreignLinks(snapshot));
    const errors = await applyAll(
      restore.map((sysctl) => ({ kind: 'sysctl' as const, sysctl })),
      deps,
    );
    if (errors.length === 0) await ledger.save({ ...ledger.current(), sysctls: {} });
    const changed = restore.filter((sysctl) => present.get(sysctl.path) !== sysctl.value);
    return { removed: changed.map((sysctl) => `sysctl ${sysctl.path} back to ${sysctl.value}`), kept, errors };
  }

  async function teardownOnce(): Promise<Teardown> {
    // From here on nothing is mended, also if something cannot be removed or the caller goes away.
    isTornDown = true;
    const snapshot = await snapshotNow();
    const record = ledger.current();
    const observed = ownedState(snapshot, ownership, record.tables, new Map(), record.links);
    const changes = diff(new Map(), observed);
    const errors = await applyAll(plan(changes, new Map()), deps);
    const sysctls = await putSysctlsBack(snapshot);
    const isRecorded = record.links.length > 0 || Object.keys(record.tables).length > 0;
    if (errors.length === 0 && isRecorded) await ledger.save({ ...ledger.current(), links: [], tables: {} });
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

/** Changes of resources that are now desired otherwise than at the last run. */
function newWishes(look: Look, lastDesired: HostState): Change[] {
  const isWish = (change: Change): boolean => {
    const subject = subjectOf(change);
    return wishOf(look.desired, subject) !== wishOf(lastDesired, subject);
  };
  const wishes = look.changes.filter(isWish);
  // An element cannot be put into a table that somebody removed and that is not to be mended.
  const lost = new Set(
    look.changes.flatMap(({ kind, key }) => (kind === 'create' && key.startsWith('table ') ? [key] : [])),
  );
  const isPossible = (change: Change): boolean => {
    const subject = subjectOf(change);
    const table = subject.kind === 'nft-element' ? `table inet ${subject.table}` : '';
    return !lost.has(table) || wishes.some(({ key }) => key === table);
  };
  return wishes.filter(isPossible);
}

/** How a resource is desired, as a text; null where it is not. */
function wishOf(desired: HostState, subject: Resource): string | null {
  if (subject.kind === 'nft-element') {
    const gathered = desired.get(elementsKey(subject.table, subject.set));
    const value = gathered?.kind === 'nft-elements' ? gathered.elements.get(subject.key) : undefined;
    return value === undefined ? null : (value ?? '');
  }
  const resource = desired.get(keyOf(subject));
  return resource === undefined || resource.kind === 'nft-elements' ? null : textOf(resource);
}

/** A name of ours that somebody else uses is not taken over. */
function refuseForeignLinks(links: readonly string[], snapshot: Snapshot): void {
  const foreign = links.find((name) => snapshot.links.some((link) => link.name === name));
  if (foreign === undefined) return;
  throw new RelayError('conflict', `a link named ${foreign} exists that homeward did not make`, {
    hint: `rename or remove it: ip link set ${foreign} name other0`,
  });
}

/** Links that are not homeward's, of either side, without loopback. */
export function foreignLinks(snapshot: Snapshot): string[] {
  return snapshot.links.map((link) => link.name).filter((name) => name !== 'lo' && !isHomewardLink(name));
}
