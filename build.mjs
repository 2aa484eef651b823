// Bundles each program into one file, a third of the start-up time and less memory than the modules one by one, and lets
// it print its manual page.

import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { build } from 'esbuild';

// Some dependencies are CommonJS and ask for node's own modules by require, which an ES module does not have.
const banner = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";

const bundle = async (program) => {
  const outfile = `packages/${program}/dist/bundle/${program}.js`;
  await build({
    entryPoints: [`packages/${program}/dist/main.js`],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    sourcemap: true,
    banner: { js: banner },
    logLevel: 'warning',
  });
  return outfile;
};

const writeManPage = async (program, bundled) => {
  const { stdout } = await promisify(execFile)(process.execPath, [bundled, 'man']);
  await mkdir(`packages/${program}/dist/man`, { recursive: true });
  await writeFile(`packages/${program}/dist/man/${program}.8`, stdout);
};

await Promise.all(['controller', 'agent'].map(async (program) => writeManPage(program, await bundle(program))));
