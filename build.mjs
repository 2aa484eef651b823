// Bundles each program into one file: a third of the start-up time and less memory than the modules one by one.

import { build } from 'esbuild';

// Some dependencies are CommonJS and ask for node's own modules by require, which an ES module does not have.
const banner = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";

await Promise.all(
  ['controller', 'agent'].map((program) =>
    build({
      entryPoints: [`packages/${program}/dist/main.js`],
      outfile: `packages/${program}/dist/bundle/${program}.js`,
      bundle: true,
      platform: 'node',
      target: 'node20',
      format: 'esm',
      sourcemap: true,
      banner: { js: banner },
      logLevel: 'warning',
    }),
  ),
);
