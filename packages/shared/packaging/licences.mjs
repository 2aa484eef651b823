/** The copyright file of a package: our licence, and that of every dependency that is part of the bundle. */
import { readdir, readFile } from 'node:fs/promises';

const apache = ` On Debian systems the full text of the Apache License, Version 2.0, is in
 /usr/share/common-licenses/Apache-2.0.`;

const ours = `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: homeward

Files: *
Copyright: the homeward authors
License: Apache-2.0
${apache}
`;

/** The folders of the dependencies among the bundle's inputs, nested ones too. */
const folders = (inputs) => {
  const found = inputs.map((path) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1]);
  return [...new Set(found.filter((folder) => folder !== undefined))].sort();
};

const licenceText = async (folder) => {
  const name = (await readdir(folder)).find((file) => /^(licen[cs]e|copying)(\.|-|$)/i.test(file));
  return name === undefined ? null : readFile(`${folder}/${name}`, 'utf8');
};

/** Lines of a field: indented, empty ones as a dot. */
const indented = (text) =>
  text
    .trim()
    .split('\n')
    .map((line) => (line.trim() === '' ? ' .' : ` ${line.trimEnd()}`))
    .join('\n');

const paragraph = async (folder) => {
  const { name, version, license, author } = JSON.parse(await readFile(`${folder}/package.json`, 'utf8'));
  const text = (await licenceText(folder)) ?? 'The package names this licence, and has no text of it.';
  const owner = /^\s*copyright.*$/im.exec(text)?.[0].trim() ?? author?.name ?? author ?? `the authors of ${name}`;
  const label = `${license}-of-${name.replaceAll('/', '-').replace('@', '')}`;
  return `Files: ${name} ${version}, bundled\nCopyright: ${owner}\nLicense: ${label}\n${license === 'Apache-2.0' ? apache : indented(text)}\n`;
};

/** In Debian's machine-readable form. */
export const copyright = async (inputs) => [ours, ...(await Promise.all(folders(inputs).map(paragraph)))].join('\n');
