/** Keeps a daemon's memory near what it holds, also while much is made and thrown away, as under a flood of connections. */

import { setFlagsFromString } from 'node:v8';

/**
 * To be called first in a daemon. V8 is generous to what works all day: its young generation doubles up to 32 MB, and the old
 * one may quadruple before it is cleaned. A daemon that is idle most of its life needs neither. Both flags V8 reads whenever
 * a heap could grow; `--max-semi-space-size` it reads only at the start of the process, which is not ours to choose.
 */
export function keepHeapSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
  // Cleaned once it is half as large again as what was in use after the last time.
  setFlagsFromString('--heap-growing-percent=50');
}
