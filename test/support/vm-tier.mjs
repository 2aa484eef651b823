/** The vm tier: each file of tests has a guest or two of its own, and as many run at once as two cores can emulate. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from './command.mjs';
import { count, mocha, mochaInGuest } from './mocha-run.mjs';

/** What runs outside waits for guests by the host's clock; they may take that many times as long as a real machine. */
const patienceOutside = '12';
/** Inside, time passes with the instructions that are done: as on a real machine, if not a fast one. */
const patienceInside = '3';
const limitMs = 1_500_000;

/** The compiled files of a folder below test/dist/vm. */
const filesIn = (folder) =>
  readdirSync(`${root}/test/dist/vm/${folder}`)
    .filter((name) => name.endsWith('.test.js'))
    .sort()
    .map((name) => `vm/${folder}/${name}`);

/** Runs so many of the jobs at a time until none is left, or somebody has interrupted us. */
const inLanes = async (lanes, jobs) => {
  const waiting = [...jobs];
  const results = [];
  const lane = async () => {
    for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) {
      results.push(process.exitCode === 130 ? count(0, 1) : await job());
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return results;
};

const sum = (results) =>
  count(
    results.reduce((total, { passed }) => total + passed, 0),
    results.reduce((total, { failed }) => total + failed, 0),
    results.flatMap(({ notes }) => notes),
  );

/** Consoles and journals of the virtual machines are kept where a test failed. */
export const vmTier = async () => {
  const logs = mkdtempSync(join(tmpdir(), 'homeward-vm-logs-'));
  const env = (patience) => ({ HOMEWARD_VM_LOGS: logs, HOMEWARD_TEST_PATIENCE: patience });
  const outside = (file) => () => mocha(file, 900_000, limitMs, env(patienceOutside));
  const inside = (file) => () => mochaInGuest(file, 300_000, limitMs, env(patienceInside));
  const { ensureSystem } = await import(`${root}/test/dist/support/vm/system.js`);
  await ensureSystem((line) => process.stdout.write(`  ${line}\n`));
  const result = sum([
    ...(await inLanes(2, [...filesIn('machine').map(outside), ...filesIn('guest').map(inside)])),
    ...(await inLanes(1, filesIn('machines').map(outside))),
  ]);
  if (result.failed === 0) rmSync(logs, { recursive: true });
  else result.notes.push(`consoles and journals: ${logs}`);
  return result;
};
