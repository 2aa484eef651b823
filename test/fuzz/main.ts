/** `npm run fuzz -- --seed N --runs N [--target NAME]`: a longer run by hand. A found input becomes a regression case at once. */

import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { addToCorpus } from './corpus.js';
import { inputOf, shares } from './execute.js';
import { TARGETS } from './targets.js';
import type { Told } from './worker.js';

/** What one execution may take before it counts as hanging, on a machine that is busy with other things. */
const HANGS_AFTER_MS = 60_000;
/** Of one kind (the same place in the code) this many inputs are kept. */
const KEPT_OF_A_KIND = 2;

const say = (line: string): void => void process.stdout.write(`${line}\n`);

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    runs: { type: 'string', default: '100000' },
    target: { type: 'string', multiple: true },
  },
});
const [seed, runs] = [Number(values.seed), Number(values.runs)];
const chosen = TARGETS.filter(({ name }) => values.target === undefined || values.target.includes(name));
const isWrong = !Number.isInteger(seed) || !Number.isInteger(runs) || chosen.length < (values.target?.length ?? 1);
if (isWrong) {
  say(`npm run fuzz -- --seed N --runs N --target NAME, of: ${TARGETS.map(({ name }) => name).join(', ')}`);
  process.exit(2);
}

const jobShares = [...shares(chosen, runs)].map(([{ name }, share]) => [name, share] as const);
const place = new SharedArrayBuffer(8);
const kinds = new Map<string, number>();
let executions = 0;

/** Errors of one place in the code are of one kind. */
const kindOf = (error: string): string =>
  [error.split('\n')[0]?.replace(/[\d"'].*/, ''), error.split('\n').find((line) => line.includes('/packages/'))].join();

function found(target: string, number: number, input: Buffer, error: string): void {
  const kind = `${target}: ${kindOf(error)}`;
  const count = (kinds.get(kind) ?? 0) + 1;
  kinds.set(kind, count);
  if (count > KEPT_OF_A_KIND) return;
  say(`FOUND by ${target}, execution ${number}: ${error.split('\n').slice(0, 6).join('\n  ')}`);
  say(`  input: ${JSON.stringify(input.toString('latin1').slice(0, 200))}`);
  say(`  kept: ${addToCorpus(target, input)}`);
}

const worker = new Worker(new URL('./worker.js', import.meta.url), { workerData: { seed, shares: jobShares, place } });
const at = new Int32Array(place);
let last = '';
const watchdog = setInterval(() => {
  const [index = 0, number = 0] = at;
  const now = `${index} ${number}`;
  if (now !== last) {
    last = now;
    return;
  }
  const target = chosen[index];
  if (target !== undefined)
    found(target.name, number, inputOf(target, seed, number), `it hangs for ${HANGS_AFTER_MS} ms`);
  void worker.terminate();
}, HANGS_AFTER_MS);

worker.on('message', (told: Told) => {
  if ('finding' in told) {
    const { target, number, input, error } = told.finding;
    found(target, number, Buffer.from(input), error);
    return;
  }
  executions += told.runs;
  say(`${told.done}: ${told.runs} executions, ${told.seconds.toFixed(1)} s`);
});
worker.on('error', (error) => {
  const [index = 0, number = 0] = at;
  const target = chosen[index];
  if (target !== undefined) found(target.name, number, inputOf(target, seed, number), error.stack ?? error.message);
});
worker.on('exit', (code) => {
  clearInterval(watchdog);
  const sum = [...kinds.values()].reduce((total, count) => total + count, 0);
  for (const [kind, count] of kinds) say(`${count} × ${kind}`);
  say(`seed ${seed}: ${executions} executions, ${sum} findings of ${kinds.size} kinds`);
  process.exitCode = kinds.size === 0 && code === 0 ? 0 : 1;
});
