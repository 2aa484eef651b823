/** A package's changelog in Debian's form (deb-changelog(5)): the newest section of ours. */
import { readFile } from 'node:fs/promises';

export const maintainer = 'The homeward authors <homeward@homeward.invalid>';

/** `Thu, 01 Jan 1970 00:00:00 +0000`. */
const debianDate = (date) => date.toUTCString().replace('GMT', '+0000');

/** Lines of 80 characters at most, each change with a star. */
const wrapped = (change) => {
  const lines = ['  *'];
  for (const word of change.split(/\s+/)) {
    const longer = `${lines.at(-1)} ${word}`;
    if (longer.length <= 80) lines[lines.length - 1] = longer;
    else lines.push(`    ${word}`);
  }
  return lines.join('\n');
};

export const changelog = async (side, version, date) => {
  const [, newest = ''] = (await readFile('CHANGELOG.md', 'utf8')).split(/^## .*$/m);
  const changes = newest.trim().replace(/^- /, '').split(/\n- /).map(wrapped).join('\n');
  return `homeward-${side} (${version}) unstable; urgency=medium\n\n${changes}\n\n -- ${maintainer}  ${debianDate(date)}\n`;
};
