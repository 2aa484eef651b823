/** The commands of README's section for real machines, each understood: who types it where, and how it ends. */
import { readFileSync } from 'node:fs';

const file = new URL('../../../README.md', import.meta.url);
const heading = '## Use it on real machines';

type Place = 'relay' | 'backend';

export type Step =
  /** What the test run itself has done before: see `npm test`. */
  | { readonly kind: 'prepared'; readonly line: string; readonly what: 'packages' | 'sources' | 'build' }
  /** A command that ends. */
  | { readonly kind: 'install'; readonly line: string; readonly at: Place }
  /** A daemon in the foreground: it stays. */
  | { readonly kind: 'daemon'; readonly line: string; readonly at: Place }
  /** Prints the token, waits, and ends with the proof. */
  | { readonly kind: 'pair'; readonly line: string; readonly at: 'relay' }
  /** Asks for the token. */
  | { readonly kind: 'enroll'; readonly line: string; readonly at: 'backend' };

const linking = /^ln -s \/opt\/homeward\/packages\/\S+ \/usr\/local\/bin\/\S+ +# on the (relay|backend)$/;

/** Throws for a line that it does not understand: README has changed, and the test that types it must follow. */
export const understand = (line: string): Step => {
  const linked = linking.exec(line)?.[1];
  if (linked !== undefined) return { kind: 'install', line, at: linked as Place };
  if (/^apt-get install --no-install-recommends [a-z0-9 -]+$/.test(line))
    return { kind: 'prepared', line, what: 'packages' };
  if (line === 'git clone <this repository> /opt/homeward && cd /opt/homeward')
    return { kind: 'prepared', line, what: 'sources' };
  if (line === 'npm ci && npm run build') return { kind: 'prepared', line, what: 'build' };
  if (line === 'controller serve') return { kind: 'daemon', line, at: 'relay' };
  if (line === 'agent run') return { kind: 'daemon', line, at: 'backend' };
  if (/^controller pair [a-z]+( --forward \S+)+$/.test(line)) return { kind: 'pair', line, at: 'relay' };
  if (line === 'agent enroll') return { kind: 'enroll', line, at: 'backend' };
  throw new Error(`README has a command that its test does not know how to type: ${line}`);
};

/** The lines of the section's code blocks, in README's order. */
export const readmeSteps = (): Step[] => {
  const readme = readFileSync(file, 'utf8');
  const [, rest] = readme.split(`\n${heading}\n`);
  if (rest === undefined) throw new Error(`README has no section "${heading}"`);
  const [section = ''] = rest.split(/^## /m);
  const blocks = [...section.matchAll(/^```[a-z]*\n(.*?)^```$/gms)];
  return blocks.flatMap(([, block = '']) => block.split('\n').filter(Boolean).map(understand));
};
