/**
 * Keeps floods from filling the log: of what comes by the network, each source has some entries of its own in ten
 * minutes; what is more is counted, and told in one entry each at their end. Pure but for the timer it is given.
 */

import type { AuditRecord } from './record.js';

const WINDOW_MS = 600_000;
/** Of one kind and source; who knows a backend to reconnect sees it by these. */
const OF_A_SOURCE = 5;
/** Of all strangers together: addresses cost a botnet nothing. */
const OF_STRANGERS = 20;
/** Sources that are counted one by one, all others together. Of known ones: some kinds of each backend that a usual pool has. */
const SOURCES = { stranger: 256, known: 16_384 } as const;
/** Sources of strangers that are told one by one at the end. */
const TOLD_SOURCES = 10;

/** Runs `action` once after `delayMs`; the returned function cancels it. */
export type After = (delayMs: number, action: () => void) => () => void;

export interface FloodLimitDeps {
  readonly after: After;
  now(): Date;
  /** What an address counts as: of IPv6 a whole network is one source. */
  source(address: string): string;
  /** Gets the summaries. */
  write(record: AuditRecord): void;
}

export interface FloodLimit {
  /** True for a record that is to be written; a false one is counted. */
  admits(record: AuditRecord): boolean;
  /** Tells what was counted until now, and begins anew. */
  flush(): void;
}

type Standing = keyof typeof SOURCES;

interface Tally {
  written: number;
  surplus: number;
  last: AuditRecord;
  /** Null for all the sources that have no tally of their own. */
  readonly source: string | null;
}

export function createFloodLimit(deps: FloodLimitDeps): FloodLimit {
  const tallies = new Map<string, Tally>();
  /** How many tallies there are. */
  let sources: Record<Standing, number> = { stranger: 0, known: 0 };
  let names = createNames();
  let strangers = 0;
  let cancel: (() => void) | null = null;

  function tallyOf(record: AuditRecord, source: string): Tally {
    const standing = record.actor === 'stranger' ? 'stranger' : 'known';
    // Somebody who has proven a key is that key's name, wherever it comes from.
    const whose = standing === 'stranger' ? source : names.firstOf(record);
    const key = JSON.stringify([record.event, record.actor, whose]);
    const known = tallies.get(key);
    if (known !== undefined) return known;
    if (sources[standing] < SOURCES[standing]) {
      sources[standing] += 1;
      return make(key, record, source);
    }
    const others = JSON.stringify([record.event, record.actor]);
    return tallies.get(others) ?? make(others, record, null);
  }

  function make(key: string, last: AuditRecord, source: string | null): Tally {
    const tally = { written: 0, surplus: 0, last, source };
    tallies.set(key, tally);
    return tally;
  }

  function flush(): void {
    cancel?.();
    cancel = null;
    const surplus = [...tallies.values()].filter((tally) => tally.surplus > 0);
    tallies.clear();
    sources = { stranger: 0, known: 0 };
    names = createNames();
    strangers = 0;
    const [known, unknown] = [surplus.filter(isOfKnown), surplus.filter((tally) => !isOfKnown(tally))];
    const ranked = unknown.sort(
      (a, b) => Number(a.source === null) - Number(b.source === null) || b.surplus - a.surplus,
    );
    for (const tally of [...known, ...ranked.slice(0, TOLD_SOURCES), ...together(ranked.slice(TOLD_SOURCES))]) {
      deps.write(summaryOf(tally, deps.now()));
    }
  }

  return {
    flush,
    admits(record) {
      // What this machine's own people and programs do is bounded by them.
      if (record.actor === 'local' || record.actor === 'daemon') return true;
      const tally = tallyOf(record, record.address === null ? '' : deps.source(record.address));
      const isStranger = record.actor === 'stranger';
      tally.last = record;
      cancel ??= deps.after(WINDOW_MS, flush);
      const isFull = tally.written >= OF_A_SOURCE || (isStranger && strangers >= OF_STRANGERS);
      if (isFull) tally.surplus += 1;
      else {
        tally.written += 1;
        if (isStranger) strangers += 1;
      }
      return !isFull;
    },
  };
}

interface Names {
  /** What the one whom it is about was called first; takes in that it is called otherwise from now on. */
  firstOf(record: AuditRecord): string | null;
}

/** Of who is renamed again and again: else each name would be somebody else's. Holds one entry for each of those alone. */
function createNames(): Names {
  const firstNames = new Map<string, string>();
  return {
    firstOf({ event, actor, subject, details }) {
      if (subject === null) return null;
      const name = JSON.stringify([actor, subject]);
      const first = firstNames.get(name) ?? subject;
      if (event !== 'renamed') return first;
      firstNames.delete(name);
      firstNames.set(JSON.stringify([actor, details['to']]), first);
      return first;
    },
  };
}

function isOfKnown({ last }: Tally): boolean {
  return last.actor !== 'stranger';
}

/** One tally for each kind of event. */
function together(tallies: readonly Tally[]): Tally[] {
  const byEvent = new Map<string, Tally>();
  for (const { last, surplus } of tallies) {
    const sum = byEvent.get(last.event) ?? { written: 0, surplus: 0, last, source: null };
    byEvent.set(last.event, { ...sum, surplus: sum.surplus + surplus });
  }
  return [...byEvent.values()];
}

function summaryOf({ last, surplus, source }: Tally, now: Date): AuditRecord {
  const isOneKnown = last.actor !== 'stranger' && source !== null;
  // What only the last of them said is nothing of all.
  return {
    ...last,
    time: now.toISOString(),
    address: isOneKnown ? last.address : source || null,
    count: surplus,
    ...(isOneKnown ? {} : { subject: null, details: {} }),
  };
}
