/** The command lines of docker/README.md, as argv, by the heading that they stand under. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Where they are typed. */
export const sources = fileURLToPath(new URL('../../../../', import.meta.url));

/** Debian 12 has the compose of version 1 only, a program of its own. */
const typed = (line: string): string[] => line.replace(/^docker compose /, 'docker-compose --no-ansi ').split(' ');

export const commandsUnder = (heading: string): string[][] => {
  const [, rest] = readFileSync(`${sources}docker/README.md`, 'utf8').split(`\n## ${heading}\n`);
  if (rest === undefined) throw new Error(`docker/README.md has no section "${heading}"`);
  const [section = ''] = rest.split(/^## /m);
  const blocks = [...section.matchAll(/^```[a-z]*\n(.*?)^```$/gms)];
  return blocks.flatMap(([, block = '']) => block.split('\n').filter(Boolean).map(typed));
};
