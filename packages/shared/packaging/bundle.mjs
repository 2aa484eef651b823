/** Bundles a compiled program with what it depends on (esbuild). */
import { dirname } from 'node:path';
import { build } from 'esbuild';

// Some dependencies are CommonJS and ask for node's own modules by require, which an ES module does not have.
const requireOfNode = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";

/** zod brings its messages in fifty languages, 366 KB that every start would read; ours are English. */
const english = {
  name: 'english',
  setup(bundler) {
    bundler.onLoad({ filter: /zod\/v4\/locales\/index\.js$/ }, ({ path }) => ({
      contents: "export { default as en } from './en.js';",
      resolveDir: dirname(path),
    }));
  },
};

const common = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  plugins: [english],
  logLevel: 'warning',
};

/** For a checkout: what only some commands import when they run (the daemon, above all) is not read by the others. */
export const bundleInChunks = (program, outdir) =>
  build({
    ...common,
    entryPoints: { [program]: `packages/${program}/dist/main.js` },
    outdir,
    splitting: true,
    sourcemap: true,
    banner: { js: requireOfNode },
  });

/**
 * For a package: one file, which an upgrade replaces at once under a running daemon. Names stay and lines are short, so
 * that a stack trace can be read. Gives its text and the paths of all that has a part in it.
 */
export const bundleAsOneFile = async (program) => {
  const { outputFiles, metafile } = await build({
    ...common,
    entryPoints: [`packages/${program}/dist/main.js`],
    outfile: `${program}.mjs`,
    write: false,
    metafile: true,
    minifySyntax: true,
    minifyWhitespace: true,
    lineLimit: 160,
    legalComments: 'none',
    banner: { js: requireOfNode },
  });
  const [{ inputs }] = Object.values(metafile.outputs);
  const parts = Object.entries(inputs).filter(([, { bytesInOutput }]) => bytesInOutput > 0);
  return { text: outputFiles[0].text, inputs: parts.map(([path]) => path) };
};
