/** What `npm test` starts: prepares the machine, builds, runs the tiers named as arguments (the usual ones if none), counts. */
import { build } from './support/build.mjs';
import { ensurePrerequisites } from './support/prerequisites.mjs';
import { tiers, usualTiers } from './support/tiers.mjs';

const say = (line) => process.stdout.write(`${line}\n`);
const seconds = (since) => `${((Date.now() - since) / 1000).toFixed(1)} s`;

/** One tier; whatever it throws is a failure of that tier, not of the whole run. */
const runTier = async (name) => {
  const begin = Date.now();
  say(`\n== ${name}`);
  try {
    const result = await tiers[name]();
    for (const note of result.notes) say(`  ${note}`);
    say(`== ${name}: ${result.passed} passed, ${result.failed} failed, ${seconds(begin)}`);
    return result;
  } catch (error) {
    say(`== ${name}: crashed: ${error.stack ?? error}`);
    return { passed: 0, failed: 1 };
  }
};

/** Leftovers of labs and virtual machines whose test process was ended in the middle. */
const sweep = async () => {
  const { sweepDeadLabs } = await import('./dist/support/lab-mark.js');
  const { sweepDeadVms } = await import('./dist/support/vm/vm-files.js');
  for (const name of [...(await sweepDeadLabs()), ...(await sweepDeadVms())]) say(`removed what was left of ${name}`);
};

const runAll = async (names) => {
  try {
    await ensurePrerequisites(names, say);
    await build(say);
  } catch (error) {
    say(error.message);
    return names.map(() => ({ passed: 0, failed: 1 }));
  }
  const results = [];
  for (const name of names) {
    results.push(process.exitCode === 130 ? { passed: 0, failed: 1 } : await runTier(name));
    await sweep();
  }
  return results;
};

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !Object.hasOwn(tiers, name));
if (unknown.length > 0) {
  process.stderr.write(`no tier ${unknown.join(', ')}; there are ${Object.keys(tiers).join(', ')}\n`);
  process.exit(2);
}
const results = await runAll(asked.length > 0 ? asked : usualTiers);
const sum = (key) => results.reduce((total, result) => total + result[key], 0);
const [passed, failed] = [sum('passed'), sum('failed')];
if (!(failed === 0 && passed > 0)) process.exitCode ??= 1; // 130 stays, after an interruption
say(`\n${passed} passed, ${failed} failed`);
