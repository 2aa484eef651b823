/** Decides which sockets may wait for authentication and which handshakes are worth the arithmetic. */

import { addressGroup } from './address-group.js';
import type { Limits } from './limits.js';

export interface Admission {
  /** Takes a socket in; `evict` is called when it has to make room for another. Null when it is one too many now. */
  enter(address: string, evict: () => void): Ticket | null;
  /** True when a handshake from this address may be computed now. */
  mayHandshake(address: string): boolean;
}

/** A waiting socket's place. */
export interface Ticket {
  /** The socket proved a known key: it waits no more, and its address is remembered. */
  confirmed(): void;
  /** The socket is gone; harmless after `confirmed`. */
  leave(): void;
}

interface Waiting {
  readonly group: string;
  readonly returning: boolean;
  readonly evict: () => void;
}

const ONE_SECOND_MS = 1000;

export interface AdmissionDeps {
  readonly limits: Limits;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  /** Addresses of sessions before this start. */
  readonly known?: readonly string[];
}

export function createAdmission({ limits, now, known = [] }: AdmissionDeps): Admission {
  /** In order of arrival. */
  const waiting = new Set<Waiting>();
  /** In order of last use; a Map's or Set's iteration order is that of insertion. */
  const returning = new Set(known.map(addressGroup).slice(0, limits.returningAddresses));
  let second = emptySecond(Number.NEGATIVE_INFINITY);

  /** The counts of this second. */
  function thisSecond(): Second {
    const nowMs = now();
    if (nowMs - second.startMs >= ONE_SECOND_MS) second = emptySecond(nowMs);
    return second;
  }

  /**
   * False where there is none: of a thousand backends that come back at once, those that have begun are let finish, or all
   * would push each other out.
   */
  function makeRoom(newcomer: Waiting): boolean {
    const own = [...waiting].filter((other) => other.group === newcomer.group);
    if (own.length >= limits.pendingPerAddress) return drop(own[0]);
    const strangers = [...waiting].filter((other) => !other.returning);
    if (!newcomer.returning && strangers.length >= limits.pendingSockets - limits.reservedForReturning) {
      return drop(oldestOfBusiest(strangers));
    }
    if (waiting.size < limits.pendingSockets) return true;
    return drop(oldestOfCrowd([...waiting]) ?? oldestOfBusiest(strangers));
  }

  function drop(victim: Waiting | undefined): boolean {
    if (victim === undefined) return false;
    waiting.delete(victim);
    victim.evict();
    return true;
  }

  function remember(group: string): void {
    returning.delete(group);
    returning.add(group);
    const [oldest] = returning;
    if (returning.size > limits.returningAddresses && oldest !== undefined) returning.delete(oldest);
  }

  return {
    enter(address, evict) {
      const group = addressGroup(address);
      if (!returning.has(group)) {
        const { sockets } = thisSecond();
        if (!sockets.take(group, limits.strangersPerSecond, limits.strangersPerSecondPerAddress)) return null;
      }
      const place = { group, returning: returning.has(group), evict };
      if (!makeRoom(place)) return null;
      waiting.add(place);
      return {
        confirmed() {
          waiting.delete(place);
          remember(group);
        },
        leave() {
          waiting.delete(place);
        },
      };
    },
    mayHandshake(address) {
      const current = thisSecond();
      if (current.handshakes >= limits.handshakesPerSecond) return false;
      const group = addressGroup(address);
      if (!returning.has(group)) {
        const most = limits.handshakesPerSecond - limits.handshakesForReturning;
        if (!current.strangers.take(group, most, limits.handshakesPerSecondPerStranger)) return false;
      }
      current.handshakes += 1;
      return true;
    },
  };
}

interface Second {
  readonly startMs: number;
  /** Strangers' sockets and handshakes; then all handshakes. */
  readonly sockets: Allowance;
  readonly strangers: Allowance;
  handshakes: number;
}

function emptySecond(startMs: number): Second {
  return { startMs, sockets: emptyAllowance(), strangers: emptyAllowance(), handshakes: 0 };
}

interface Allowance {
  /** Counts one more of this group, or says that there are as many already, in all or of the group. */
  take(group: string, most: number, mostOfGroup: number): boolean;
}

function emptyAllowance(): Allowance {
  const taken = new Map<string, number>();
  let total = 0;
  return {
    take(group, most, mostOfGroup) {
      const own = taken.get(group) ?? 0;
      if (total >= most || own >= mostOfGroup) return false;
      total += 1;
      taken.set(group, own + 1);
      return true;
    },
  };
}

/** Who holds most places loses its oldest: a flood from one source pushes itself out first. */
function oldestOfBusiest(candidates: readonly Waiting[]): Waiting | undefined {
  const counts = placesByGroup(candidates);
  const most = Math.max(0, ...counts.values());
  return candidates.find(({ group }) => counts.get(group) === most);
}

/** The same, unless nobody holds more than one. */
function oldestOfCrowd(candidates: readonly Waiting[]): Waiting | undefined {
  const counts = placesByGroup(candidates);
  return counts.size === candidates.length ? undefined : oldestOfBusiest(candidates);
}

function placesByGroup(candidates: readonly Waiting[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { group } of candidates) counts.set(group, (counts.get(group) ?? 0) + 1);
  return counts;
}
