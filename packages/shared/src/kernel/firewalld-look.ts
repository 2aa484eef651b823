/** Looks at firewalld, where nft lists its table: asked again only when that table has changed, since asking takes a fifth of a second. */

import type { Runner } from '../host/runner.js';
import { answerOf } from './answer.js';
import { FIREWALLD_DEFAULT, FIREWALLD_ZONES, type Firewalld } from './firewalld.js';
import { parseFirewalldZones } from './firewalld-parse.js';

/** How long an answer counts while nft lists the table as before: between listing and asking it may have been another one. */
const ANSWER_MS = 60_000;
/** How soon one that does not answer is asked again: it may be starting, or be gone and have left its table. */
const SILENCE_MS = 10_000;

interface Answer {
  readonly digest: string;
  readonly firewalld: Firewalld | null;
  readonly at: number;
}

/** The last answer of the machine that a runner runs on. */
const answers = new WeakMap<Runner, Answer>();

/** `digest` is of its table; undefined where there is none. */
export async function lookAtFirewalld(runner: Runner, digest: string | undefined): Promise<Firewalld | null> {
  if (digest === undefined) return null;
  const known = answers.get(runner);
  const now = performance.now();
  const countsMs = known?.firewalld == null ? SILENCE_MS : ANSWER_MS;
  if (known?.digest === digest && now < known.at + countsMs) return known.firewalld;
  const firewalld = await ask(runner);
  answers.set(runner, { digest, firewalld, at: now });
  return firewalld;
}

async function ask(runner: Runner): Promise<Firewalld | null> {
  const zones = await answerOf(runner, FIREWALLD_ZONES);
  const defaultZone = zones === null ? null : await answerOf(runner, FIREWALLD_DEFAULT);
  if (zones === null || defaultZone === null) return null;
  return { zones: parseFirewalldZones(zones), defaultZone: defaultZone.trim() };
}
