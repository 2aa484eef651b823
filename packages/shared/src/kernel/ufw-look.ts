/** Looks at ufw's files: that costs no process, and nothing at all where there is no ufw. */

import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { RelayError } from '../errors/relay-error.js';
import type { Runner } from '../host/runner.js';
import type { Family } from '../net/address.js';
import { isAnswered } from './answer.js';
import { NO_UFW, UFW_CHAIN, type Ufw } from './ufw.js';
import { isUfwOptionOn, parseUfwRules } from './ufw-parse.js';

const RULES: Readonly<Record<Family, string>> = { ipv4: '/etc/ufw/user.rules', ipv6: '/etc/ufw/user6.rules' };

/** `sides` are the comments of our rules. */
export async function lookAtUfw(runner: Runner, sides: readonly string[]): Promise<Ufw> {
  const conf = await readIfThere('/etc/ufw/ufw.conf');
  if (conf === null) return NO_UFW;
  const families = await ufwFamilies();
  const texts = await Promise.all(families.map((family) => readIfThere(RULES[family])));
  const rules = families.flatMap((family, index) => parseUfwRules(texts[index] ?? '', family));
  const hasOurs = rules.some(({ comment }) => comment !== null && sides.includes(comment));
  // Asked for the first rule only: a reload takes its chains away for a moment, and in a network namespace of its own a
  // machine's files may be about another one.
  const isActive = isUfwOptionOn(conf, 'ENABLED') && (hasOurs || (await isAnswered(runner, UFW_CHAIN)));
  return { isActive, families, rules };
}

/** As ufw decides it: by its setting, and whether the kernel speaks it. */
async function ufwFamilies(): Promise<Family[]> {
  const defaults = (await readIfThere('/etc/default/ufw')) ?? '';
  return isUfwOptionOn(defaults, 'IPV6') && existsSync('/proc/sys/net/ipv6') ? ['ipv4', 'ipv6'] : ['ipv4'];
}

async function readIfThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new RelayError('command-failed', `cannot read ${path}`, { cause: error });
  }
}
