/** The tiers of the test suite: how each is run and how its result is counted. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root, runCommand } from './command.mjs';

const count = (passed, failed, notes = []) => ({ passed, failed, notes });

/** A check that is one test: passed if the command succeeds. */
const check = async (file, args, limitMs) => {
  const { code } = await runCommand(file, args, { limitMs });
  return code === 0 ? count(1, 0) : count(0, 1, [`${file} ${args.join(' ')}: exit ${code}`]);
};

const readReport = (file) => {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    return { problem: `no report: ${error.message}` };
  }
};

/** Pending tests count as failed, and so does an end of mocha that its report does not explain. */
const judge = (report, code) => {
  if (report.problem !== undefined) return count(0, 1, [`${report.problem} (mocha's exit code ${code})`]);
  const { passes, failures, pending } = report.stats;
  const notes = [];
  if (pending > 0) notes.push(`${pending} pending`);
  const isOutOfLine = code === null || (code !== 0 && failures === 0);
  if (isOutOfLine) notes.push(`mocha ended with ${code} after its report`);
  const isEmpty = passes + failures + pending === 0;
  if (isEmpty) notes.push('no tests');
  return count(passes, failures + pending + (isOutOfLine ? 1 : 0) + (isEmpty ? 1 : 0), notes);
};

/** mocha on a folder's tests, in words that hold on this machine. */
const mochaCommand = (folder, timeoutMs, report) =>
  [process.execPath, '--enable-source-maps', `${root}/node_modules/mocha/bin/mocha.js`]
    .concat(['--reporter', `${root}/test/support/mocha-reporter.mjs`, '--reporter-option', `output=${report}`])
    .concat(['--file', `${root}/test/support/mocha-setup.mjs`, '--forbid-only', '--timeout', String(timeoutMs)])
    .concat([`${root}/test/dist/${folder}/**/*.test.js`]);

/** Runs `command(report)` and counts by the report that it writes. */
const reported = async (command, { limitMs, env = {} }) => {
  const directory = mkdtempSync(join(tmpdir(), 'homeward-test-'));
  const report = join(directory, 'report.json');
  try {
    const [file, ...args] = command(report);
    const { code } = await runCommand(file, args, {
      limitMs,
      env: { ...process.env, HOMEWARD_VM_REPORT: report, ...env },
    });
    return judge(readReport(report), code);
  } finally {
    rmSync(directory, { recursive: true });
  }
};

const mocha = (folder, timeoutMs, limitMs, env) =>
  reported((report) => mochaCommand(folder, timeoutMs, report), { limitMs, env });

/** Tests that run inside a guest, as if it were the machine at hand. */
const mochaInGuest = (folder, timeoutMs, limitMs, env) =>
  reported(
    () =>
      [process.execPath, '--enable-source-maps', `${root}/test/dist/support/vm/guest-run.js`].concat(
        mochaCommand(folder, timeoutMs, '/opt/share/report.json'),
      ),
    { limitMs, env },
  );

/** An emulated machine, on a host that is busy besides, may take that many times as long. */
const vmPatience = '12';

/** Consoles and journals of the virtual machines are kept where a test failed. */
const withVmLogs = async (run) => {
  const logs = mkdtempSync(join(tmpdir(), 'homeward-vm-logs-'));
  const result = await run({ HOMEWARD_VM_LOGS: logs, HOMEWARD_TEST_PATIENCE: vmPatience });
  if (result.failed === 0) rmSync(logs, { recursive: true });
  else result.notes.push(`consoles and journals: ${logs}`);
  return result;
};

const both = (one, other) =>
  count(one.passed + other.passed, one.failed + other.failed, [...one.notes, ...other.notes]);

/** Name → how to run it; each resolves with {passed, failed, notes}. The limits end a tier that hangs. */
export const tiers = {
  lint: () => check(process.execPath, [`${root}/node_modules/.bin/biome`, 'check', '.'], 120_000),
  unit: () => mocha('unit', 20_000, 300_000),
  lab: () => mocha('lab', 60_000, 1_200_000),
  faults: () => mocha('faults', 180_000, 1_200_000),
  docker: () => mocha('docker', 180_000, 900_000),
  vm: () =>
    withVmLogs(async (env) =>
      both(
        await mochaInGuest('vm/guest', 600_000, 1_500_000, env),
        await mocha('vm/machines', 600_000, 1_500_000, env),
      ),
    ),
};

/** Those of `npm test`. The vm tier is asked for by name: emulated, it takes longer than all others together. */
export const usualTiers = ['lint', 'unit', 'lab', 'faults', 'docker'];
