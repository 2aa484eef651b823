/** Fuzzes on a thread of its own, so that the main one sees it hang; tells each finding as it is found. */

import { parentPort, workerData } from 'node:worker_threads';
import { type Finding, findings } from './execute.js';
import { TARGETS } from './targets.js';

export interface Job {
  readonly seed: number;
  /** Target by target: how often. */
  readonly shares: readonly (readonly [name: string, runs: number])[];
  /** Two numbers: which of the shares is running, and which execution. */
  readonly place: SharedArrayBuffer;
}

export type Told =
  | { readonly finding: Omit<Finding, 'error'> & { readonly error: string } }
  | { readonly done: string; readonly runs: number; readonly seconds: number };

const { seed, shares, place } = workerData as Job;
const at = new Int32Array(place);
const tell = (told: Told) => parentPort?.postMessage(told);

for (const [index, [name, runs]] of shares.entries()) {
  const target = TARGETS.find((one) => one.name === name);
  if (target === undefined) throw new Error(`no target ${name}`);
  const begin = performance.now();
  Atomics.store(at, 0, index);
  for (const { error, ...finding } of findings(target, seed, 0, runs, (number) => Atomics.store(at, 1, number))) {
    tell({ finding: { ...finding, error: error instanceof Error ? (error.stack ?? error.message) : String(error) } });
  }
  // A promise that somebody left behind is rejected by now, and ends this thread with its error.
  await new Promise(setImmediate);
  tell({ done: name, runs, seconds: (performance.now() - begin) / 1000 });
}
