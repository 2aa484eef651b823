/** Looks at the machine: at the whole of it, or again at the parts that were told of since. Remembers the last look. */

import type { KernelPart } from '../host/monitor.js';
import type { Runner } from '../host/runner.js';
import type { SysctlFiles } from '../host/sysctl.js';
import { type Ownership, ownedState, type SysctlValues } from '../kernel/owned-state.js';
import { refreshSnapshot, type Snapshot, takeSnapshot } from '../kernel/snapshot.js';
import type { HostState, ResourceKind } from '../state/resources.js';
import { type Change, diff, subjectOf } from './diff.js';
import { createElementMemory } from './element-memory.js';
import type { Ledger, LedgerRecord } from './ledger.js';

/** What can be looked at again by itself. */
export type LookPart = KernelPart | 'sysctls';

export interface ObserverDeps<Facts> {
  readonly runner: Runner;
  readonly sysctls: SysctlFiles;
  readonly ownership: Ownership;
  readonly ledger: Pick<Ledger, 'current'>;
  /** What else planning depends on: sockets, sysctls, files. */
  facts(snapshot: Snapshot, ledger: LedgerRecord): Promise<Facts>;
  /** What should be in the kernel by now, given what is on the machine. */
  desired(facts: Facts): HostState;
}

export interface Look {
  readonly snapshot: Snapshot;
  readonly desired: HostState;
  readonly observed: HostState;
  readonly changes: Change[];
}

export interface Observer {
  whole(): Promise<Look>;
  /**
   * The last look, where nobody told of a change since and only elements and policy rules are to be added or removed:
   * whatever else is to be done deserves a fresh one. Null otherwise.
   */
  last(): Look | null;
  /** The last look with some parts looked at again; null where there was none, or where those parts are as they were. */
  again(parts: ReadonlySet<LookPart>): Promise<Look | null>;
  /** Everything but facts and sysctls. */
  snapshot(): Promise<Snapshot>;
  tables(): Promise<Snapshot['tables']>;
  /** Takes in changes that were applied; see the element memory. */
  applied(changes: readonly Change[], desired: HostState | null): void;
  /** The next look lists all elements, whatever is remembered of them. */
  forgetElements(): void;
  /** Somebody changed something since the last look. */
  outdate(): void;
  /** We did. */
  forget(): void;
}

/** What a new forward needs: others do not take it for theirs, and a monitor tells when they touch it. */
const BY_LAST_LOOK: readonly ResourceKind[] = ['nft-element', 'rule'];

/** What was found on the machine. */
interface Found<Facts> {
  readonly snapshot: Snapshot;
  readonly facts: Facts;
  readonly sysctls: SysctlValues;
}

export function createObserver<Facts>(deps: ObserverDeps<Facts>): Observer {
  const { ownership, ledger, runner } = deps;
  const memory = createElementMemory();
  let lastFound: Found<Facts> | null = null;
  /** False from the moment that somebody changed something. */
  let isFresh = false;

  async function completed(take: (withElements: readonly string[]) => Promise<Snapshot>): Promise<Snapshot> {
    const withElements = memory.unknown(ownership.tables);
    return memory.complete(await take(withElements), withElements) ?? completed(take);
  }

  function snapshotNow(): Promise<Snapshot> {
    return completed((withElements) =>
      takeSnapshot(runner, { names: ownership.tables, withElements }, ownership.isLink),
    );
  }

  function refreshed(before: Snapshot, parts: ReadonlySet<KernelPart>): Promise<Snapshot> {
    const refresh = (withElements: readonly string[]) =>
      refreshSnapshot(runner, before, parts, { names: ownership.tables, withElements }, ownership.isLink);
    return parts.has('tables') ? completed(refresh) : refresh([]);
  }

  function lookAt({ snapshot, facts, sysctls }: Found<Facts>): Look {
    const desired = deps.desired(facts);
    const record = ledger.current();
    const observed = ownedState(snapshot, ownership, record.tables, sysctls, record);
    return { snapshot, desired, observed, changes: diff(desired, observed) };
  }

  async function whole(): Promise<Look> {
    isFresh = true;
    const snapshot = await snapshotNow();
    const facts = await deps.facts(snapshot, ledger.current());
    const wanted = [...deps.desired(facts).values()].flatMap((r) => (r.kind === 'sysctl' ? [r.path] : []));
    lastFound = { snapshot, facts, sysctls: await deps.sysctls.readAll(wanted) };
    return lookAt(lastFound);
  }

  async function again(parts: ReadonlySet<LookPart>): Promise<Look | null> {
    const before = lastFound;
    if (before === null) return null;
    const sysctls = parts.has('sysctls') ? await deps.sysctls.readAll([...before.sysctls.keys()]) : before.sysctls;
    const told = new Set([...parts].filter((part) => part !== 'sysctls'));
    if (told.size === 0 && isSame(sysctls, before.sysctls)) return null;
    const snapshot = told.size === 0 ? before.snapshot : await refreshed(before.snapshot, told);
    lastFound = { ...before, snapshot, sysctls };
    return lookAt(lastFound);
  }

  function last(): Look | null {
    if (lastFound === null || !isFresh || memory.unknown(ownership.tables).length > 0) return null;
    const snapshot = memory.complete(lastFound.snapshot, []);
    if (snapshot === null) return null;
    const found = lookAt({ ...lastFound, snapshot });
    return found.changes.every((change) => BY_LAST_LOOK.includes(subjectOf(change).kind)) ? found : null;
  }

  return {
    ...{ whole, again, last },
    snapshot: snapshotNow,
    async tables() {
      const before = lastFound?.snapshot ?? (await snapshotNow());
      return (await refreshed(before, new Set(['tables']))).tables;
    },
    applied: memory.apply,
    forgetElements: memory.forget,
    outdate() {
      isFresh = false;
    },
    forget() {
      lastFound = null;
    },
  };
}

function isSame(some: SysctlValues, others: SysctlValues): boolean {
  return [...some].every(([path, value]) => others.get(path) === value);
}
