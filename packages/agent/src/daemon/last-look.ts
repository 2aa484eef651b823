/** Keeps what the keeper's last look at this machine found: it is at most some seconds old. */

import { RelayError } from '@homeward/shared/errors/relay-error';
import type { MachineLook } from './backend-kernel.js';

export interface LastLook {
  take(look: MachineLook): void;
  /** Looks now where there was no look yet. */
  get(): Promise<MachineLook>;
}

/** `look` makes the kernel's side look, which takes in what it found. */
export function createLastLook(look: () => Promise<unknown>): LastLook {
  const found: MachineLook[] = [];
  return {
    take(newest) {
      found[0] = newest;
    },
    async get() {
      if (found.length === 0) await look();
      const [newest] = found;
      if (newest === undefined) throw new RelayError('bug', 'the kernel was looked at, and nothing was found');
      return newest;
    },
  };
}
