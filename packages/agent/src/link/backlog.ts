/** Messages that were handed on and are not handled yet: their sender waits when there are many, instead of our memory. */

/** An offer takes seconds to apply and may have 1 MiB; an honest relay has two or three messages under way. */
const MOST_WAITING = 8;

export interface Backlog {
  /** Counts one message until it is handled, however that ends. */
  add(handling: Promise<void>): void;
  /** Resolves when all of them are handled. */
  handled(): Promise<void>;
}

/** `pause` is called when no more can be taken now, `resume` when there is room again. */
export function createBacklog(pause: () => void, resume: () => void): Backlog {
  const waiting = new Set<Promise<void>>();
  return {
    add(handling) {
      const tracked = handling
        .catch(() => undefined)
        .then(() => {
          waiting.delete(tracked);
          if (waiting.size === MOST_WAITING - 1) resume();
        });
      waiting.add(tracked);
      if (waiting.size >= MOST_WAITING) pause();
    },
    async handled() {
      await Promise.all(waiting);
    },
  };
}
