/** What is shipped of one side: the files, as values. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { bundleAsOneFile } from './bundle.mjs';
import { changelog } from './changelog.mjs';
import { copyright } from './licences.mjs';

/** The daemon's command of each side. */
const daemons = { controller: 'serve', agent: 'run' };

/** The same text in all three shells' own places. */
const completionPlaces = {
  bash: (side) => `usr/share/bash-completion/completions/${side}`,
  zsh: (side) => `usr/share/zsh/vendor-completions/_${side}`,
  fish: (side) => `usr/share/fish/vendor_completions.d/${side}.fish`,
};

export const programPath = (side) => `usr/lib/homeward/${side}.mjs`;

const file = (path, content, mode = 0o644) => ({ path, content, mode });

/** Without a time of day inside, so that the same sources give the same bytes. */
const zipped = (path, content) => file(`${path}.gz`, gzipSync(content, { level: 9 }));

const printed = async (side, ...args) =>
  (await promisify(execFile)(process.execPath, [`packages/${side}/bin/${side}.js`, ...args], { maxBuffer: 1e7 }))
    .stdout;

/** Rendered by the same function as what `install` writes, so that `install` finds that it says the same. */
const unit = async (side) => {
  const { unitText } = await import('../dist/service/unit.js');
  return unitText({
    side,
    argv: ['/usr/bin/node', `/${programPath(side)}`, daemons[side]],
    stateDir: `/var/lib/homeward/${side}`,
    runDir: '/run/homeward',
  });
};

/** Settings and examples as they lie in the side's own folder. */
const own = async (side, name, path) => file(path, await readFile(join('packages', side, 'packaging', name), 'utf8'));

const ownFiles = {
  controller: (doc) => [
    own('controller', 'controller.json', 'etc/homeward/controller.json'),
    own('controller', 'example.json', `${doc}/examples/controller.json`),
  ],
  agent: (doc) => [own('agent', 'example.json', `${doc}/examples/agent-policy.json`)],
};

/** Every file of a side, by path below the root: `{path, content, mode}`, or `{path, target}` for a symbolic link. */
export const filesOf = async (side, { version, date }) => {
  const doc = `usr/share/doc/homeward-${side}`;
  const bundle = await bundleAsOneFile(side);
  return [
    file(programPath(side), `#!/usr/bin/node\n${bundle.text}`, 0o755),
    { path: `usr/bin/${side}`, target: `../lib/homeward/${side}.mjs` },
    file(`usr/lib/systemd/system/homeward-${side}.service`, await unit(side)),
    zipped(`usr/share/man/man8/${side}.8`, await printed(side, 'man')),
    ...(await Promise.all(
      Object.entries(completionPlaces).map(async ([shell, place]) =>
        file(place(side), await printed(side, 'completion', shell)),
      ),
    )),
    file(`${doc}/copyright`, await copyright(bundle.inputs)),
    zipped(`${doc}/changelog`, await changelog(side, version, date)),
    ...(await Promise.all(ownFiles[side](doc))),
  ];
};
