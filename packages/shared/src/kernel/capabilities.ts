/** Tries what homeward asks of a machine, and tells which kernel modules came with it. */

import { readFile } from 'node:fs/promises';
import { RelayError } from '../errors/relay-error.js';
import type { Runner } from '../host/runner.js';
import { TRIALS, type Trial } from './capability-trials.js';

export interface Capability {
  readonly name: string;
  readonly purpose: string;
  readonly essential: boolean;
  readonly works: boolean;
  /** Why not, in the words of the kernel or of the program; null where it works. */
  readonly reason: string | null;
  /** Modules that the kernel loaded for it. */
  readonly loaded: readonly string[];
  readonly hint: string | null;
}

/** One after another, so that it can be told for which a module was loaded. Throws only for what is no answer, such as an interruption. */
export async function tryCapabilities(runner: Runner, signal: AbortSignal): Promise<Capability[]> {
  const found: Capability[] = [];
  let modules = await loadedModules();
  for (const trial of TRIALS) {
    const reason = await failureOf(trial, runner, signal);
    const now = await loadedModules();
    const { name, purpose, isEssential: essential, hint } = trial;
    const loaded = [...now].filter((module) => !modules.has(module)).sort();
    found.push({
      name,
      purpose,
      essential,
      works: reason === null,
      reason,
      loaded,
      hint: reason === null ? null : hint,
    });
    modules = now;
  }
  return found;
}

/** The first of the named capabilities that cannot be had, or null. Throws like `tryCapabilities`. */
export async function lackingCapability(
  runner: Runner,
  names: readonly string[],
  signal: AbortSignal,
): Promise<{ readonly name: string; readonly reason: string; readonly hint: string } | null> {
  for (const trial of TRIALS.filter(({ name }) => names.includes(name))) {
    const reason = await failureOf(trial, runner, signal);
    if (reason !== null) return { name: trial.name, reason, hint: trial.hint };
  }
  return null;
}

async function failureOf(trial: Trial, runner: Runner, signal: AbortSignal): Promise<string | null> {
  try {
    await runner.run(trial.command, signal);
    return null;
  } catch (error) {
    if (!(error instanceof RelayError) || error.code === 'interrupted') throw error;
    const [firstLine = ''] = String(error.details['stderr'] ?? '').split('\n');
    return firstLine.replace(/^(Error|RTNETLINK answers|\/dev\/stdin:\S+ Error): /, '') || error.message;
  }
}

/** A kernel without modules has no such file. */
async function loadedModules(): Promise<Set<string>> {
  const text = await readFile('/proc/modules', 'utf8').catch(() => '');
  return new Set(text.split('\n').map((line) => line.split(' ')[0] ?? ''));
}

/** Whether everything needed is there: what is essential, and one of the two WireGuards, the tunnel that is made unless another is asked for. */
export function isSufficient(capabilities: readonly Capability[]): boolean {
  const wireguards = capabilities.filter(({ name }) => name.startsWith('WireGuard'));
  return capabilities.every(({ essential, works }) => works || !essential) && wireguards.some(({ works }) => works);
}
