/**
 * What `npm run test:crash` starts: kills the programs of a lab at the boundaries of what they write and do.
 * `--all` goes through every boundary of every phase, for hours; `--phase NAME` names one, `--at N` one boundary of it.
 */
import { parseArgs } from 'node:util';
import { build } from './support/build.mjs';
import { root, runCommand } from './support/command.mjs';
import { ensurePrerequisites } from './support/prerequisites.mjs';

const dayMs = 86_400_000;
const say = (line) => process.stdout.write(`${line}\n`);
const { values } = parseArgs({
  options: { all: { type: 'boolean' }, phase: { type: 'string' }, at: { type: 'string' } },
});
const env = {
  ...process.env,
  ...(values.all === undefined ? {} : { HOMEWARD_CRASH_ALL: 'yes' }),
  ...(values.phase === undefined ? {} : { HOMEWARD_CRASH_PHASE: values.phase }),
  ...(values.at === undefined ? {} : { HOMEWARD_CRASH_AT: values.at }),
};
await ensurePrerequisites(['lab'], say);
await build(say);
const args = ['--enable-source-maps', `${root}/node_modules/mocha/bin/mocha.js`, '--reporter', 'spec']
  .concat(['--file', `${root}/test/support/mocha-setup.mjs`, '--timeout', '600000', '--fail-zero'])
  .concat([`${root}/test/dist/crash/every-phase.test.js`]);
const { code } = await runCommand(process.execPath, args, { limitMs: dayMs, env });
process.exitCode = code ?? 1;
