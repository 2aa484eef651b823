/** Runs mocha on some of the compiled tests, here or in a guest, and counts by the report that it writes. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root, runCommand } from './command.mjs';

export const count = (passed, failed, notes = []) => ({ passed, failed, notes });

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

/** mocha on tests (a pattern below test/dist), in words that hold on this machine. */
const mochaCommand = (tests, timeoutMs, report) =>
  [process.execPath, '--enable-source-maps', `${root}/node_modules/mocha/bin/mocha.js`]
    .concat(['--reporter', `${root}/test/support/mocha-reporter.mjs`, '--reporter-option', `output=${report}`])
    .concat(['--file', `${root}/test/support/mocha-setup.mjs`, '--forbid-only', '--timeout', String(timeoutMs)])
    .concat([`${root}/test/dist/${tests}`]);

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

/** `timeoutMs` ends a test, `limitMs` all of it. */
export const mocha = (tests, timeoutMs, limitMs, env) =>
  reported((report) => mochaCommand(tests, timeoutMs, report), { limitMs, env });

/** Tests that run inside a guest, as if it were the machine at hand; `timeoutMs` is of the guest's clock. */
export const mochaInGuest = (tests, timeoutMs, limitMs, env) =>
  reported(
    () =>
      [process.execPath, '--enable-source-maps', `${root}/test/dist/support/vm/guest-run.js`].concat(
        mochaCommand(tests, timeoutMs, '/opt/share/report.json'),
      ),
    { limitMs, env },
  );
