/** What a guard of a change does next. Pure. */

/** What the guard knows. */
export interface GuardFacts {
  /** Whether the stored state waits for this change to be confirmed; null when it cannot be read. */
  readonly isPending: boolean | null;
  /** Whether it did so before: a guard stands before its change is stored. */
  readonly wasPending: boolean;
  /** Whether the time to confirm is over. */
  readonly isOver: boolean;
  /** Whether a daemon, or another guard that goes back, holds the instance lock. */
  readonly isHeld: boolean;
}

export type GuardDecision = 'end' | 'wait' | 'go-back';

/** A daemon that is there decides itself; without one the guard goes back once the time is over. */
export function guardDecision({ isPending, wasPending, isOver, isHeld }: GuardFacts): GuardDecision {
  // A state that is being replaced, or damaged: nothing can be gone back to by it, and it may be whole again.
  if (isPending === null) return isOver && !isHeld ? 'end' : 'wait';
  if (!isPending) return wasPending || isOver ? 'end' : 'wait';
  return isOver && !isHeld ? 'go-back' : 'wait';
}
