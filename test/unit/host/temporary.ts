/** A directory of its own for each test of a suite, removed afterwards. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'mocha';

/** To be called inside of `describe`; gives the path of a file in the present test's directory. */
export function temporaryDirectory(): (name?: string) => string {
  let directory = '';
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), `homeward-unit-${process.pid}-`));
  });
  afterEach(() => rm(directory, { recursive: true }));
  return (name = '') => join(directory, name);
}
