/** `npm run demo`: installs what is missing, builds, and plays the demo; exit code 1 if a shown fact is not so. */
import { build } from './support/build.mjs';
import { ensurePrerequisites } from './support/prerequisites.mjs';

const begin = Date.now();
let wrong = 0;
const say = (line) => process.stdout.write(`${line}\n`);
const fact = (isTrue, text) => {
  if (!isTrue) wrong += 1;
  say(`  ${isTrue ? '✓' : '✗ NOT SO:'} ${text}`);
};

// The lab's processes end in an exit handler, which a signal alone would not run.
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
]) {
  process.on(signal, () => process.exit(code));
}

try {
  await ensurePrerequisites([], say);
  await build(say);
  const { playDemo } = await import('./dist/support/demo.js');
  await playDemo({ say, fact });
} catch (error) {
  wrong += 1;
  say(error.stack ?? String(error));
}
say(
  `${wrong === 0 ? 'everything shown was measured' : `${wrong} of the facts above are not as they should be`}; ${((Date.now() - begin) / 1000).toFixed(1)} s`,
);
process.exitCode = wrong === 0 ? 0 : 1;
