/** Everything that is fuzzed. */

import type { Target } from './target.js';
import { fileTargets } from './targets/files.js';
import { kernelTargets } from './targets/kernel.js';
import { scriptTargets } from './targets/scripts.js';
import { wireTargets } from './targets/wire.js';
import { wordTargets } from './targets/words.js';

export const TARGETS: readonly Target[] = [
  ...wordTargets,
  ...wireTargets,
  ...kernelTargets,
  ...fileTargets,
  ...scriptTargets,
];
