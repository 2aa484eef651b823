/** Loaded into a program under test by `node --import`: its clock is off by as many milliseconds as the file HOMEWARD_TEST_CLOCK says now; time itself (timers, `performance.now`) goes on. */
import { readFileSync } from 'node:fs';

const file = process.env['HOMEWARD_TEST_CLOCK'] ?? '';
const Real = Date;

const now = (): number => {
  try {
    return Real.now() + Number(readFileSync(file, 'utf8'));
  } catch {
    return Real.now(); // no file: the right time
  }
};

globalThis.Date = class extends Real {
  constructor(...given: [] | [number | string]) {
    super(given.length === 0 ? now() : given[0]);
  }

  static override now(): number {
    return now();
  }
} as DateConstructor;
