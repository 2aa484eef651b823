/** The tiers of the test suite: how each is run and how its result is counted. */
import { root, runCommand } from './command.mjs';
import { count, mocha } from './mocha-run.mjs';
import { vmTier } from './vm-tier.mjs';

/** A check that is one test: passed if the command succeeds. */
const check = async (file, args, limitMs) => {
  const { code } = await runCommand(file, args, { limitMs });
  return code === 0 ? count(1, 0) : count(0, 1, [`${file} ${args.join(' ')}: exit ${code}`]);
};

const folder = (name, timeoutMs, limitMs) => mocha(`${name}/**/*.test.js`, timeoutMs, limitMs);

/** Name → how to run it; each resolves with {passed, failed, notes}. The limits end a tier that hangs. */
export const tiers = {
  lint: () => check(process.execPath, [`${root}/node_modules/.bin/biome`, 'check', '.'], 120_000),
  unit: () => folder('unit', 20_000, 300_000),
  lab: () => folder('lab', 60_000, 2_700_000),
  faults: () => folder('faults', 180_000, 1_200_000),
  docker: () => folder('docker', 180_000, 900_000),
  vm: vmTier,
};

/** Those of `npm test`, the quickest first: emulated, the vm tier takes as long as all others together. */
export const usualTiers = ['lint', 'unit', 'lab', 'faults', 'docker', 'vm'];
