/** Lets a program of a machine die at a chosen boundary: the test's side of `preload`. */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { LabNode, RunOptions } from '../lab-node.js';

const controlFile = '/run/homeward-crash';

/** To be given to every program that may have to die; without being armed it lives as ever. */
export const mortal: RunOptions = {
  env: {
    NODE_OPTIONS: `--import=${new URL('./preload.js', import.meta.url).href}`,
    HOMEWARD_TEST_CRASH: controlFile,
  },
};

export interface Crash {
  /** Stops counting: what is done from now on is safe. */
  disarm(): void;
  /** The boundaries that were passed while it was armed, the last one first deadly if the number was reached. */
  passed(): string[];
}

/** From now on boundaries of the mortal program on this machine are counted; at number `at` it dies. */
export const arm = (node: LabNode, at: number): Crash => {
  const control = node.file(controlFile);
  const trace = `${control}.trace`;
  rmSync(trace, { force: true });
  // The time tells one arming from another of the same number.
  writeFileSync(control, JSON.stringify({ at, since: performance.now() }));
  return {
    disarm: () => rmSync(control, { force: true }),
    passed: () => (existsSync(trace) ? readFileSync(trace, 'utf8').split('\n').filter(Boolean) : []),
  };
};
