/** Inputs that were findings once: a folder for each target, a file for each input. They lie beside the sources. */

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const folder = (target: string): string => fileURLToPath(new URL(`../../fuzz/corpus/${target}/`, import.meta.url));

export function corpusOf(target: string): { readonly name: string; readonly input: Buffer }[] {
  const path = folder(target);
  if (!existsSync(path)) return [];
  return readdirSync(path).map((name) => ({ name, input: readFileSync(path + name) }));
}

/** Gives the file's path. */
export function addToCorpus(target: string, input: Buffer): string {
  const path = folder(target);
  mkdirSync(path, { recursive: true });
  const file = path + createHash('sha256').update(input).digest('hex').slice(0, 16);
  writeFileSync(file, input);
  return file;
}
