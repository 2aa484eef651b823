/** Lets one part wait until another has changed something. */

import { RelayError } from '@homeward/shared/errors/relay-error';

export interface Changes {
  /** Says that something changed. */
  notify(): void;
  /** The first value of `look` that is not null, looked at now and after each change; throws `interrupted` on abort. */
  until<Value>(look: () => Value | null, signal: AbortSignal): Promise<Value>;
}

export function createChanges(): Changes {
  const waiting = new Set<() => void>();
  return {
    notify() {
      for (const check of [...waiting]) check();
    },
    until(look, signal) {
      return new Promise((resolve, reject) => {
        const finish = (settle: () => void) => {
          waiting.delete(check);
          signal.removeEventListener('abort', onAbort);
          settle();
        };
        const check = () => {
          try {
            const value = look();
            if (value !== null) finish(() => resolve(value));
          } catch (error) {
            finish(() => reject(error));
          }
        };
        const onAbort = () =>
          finish(() => reject(new RelayError('interrupted', 'interrupted', { cause: signal.reason })));
        waiting.add(check);
        signal.addEventListener('abort', onAbort, { once: true });
        if (signal.aborted) onAbort();
        else check();
      });
    },
  };
}
