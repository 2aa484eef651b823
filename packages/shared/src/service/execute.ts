/** Carries out the steps of a service plan: the only place here with effects. */

import { chmod, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { RelayError } from '../errors/relay-error.js';
import type { Runner } from '../host/runner.js';
import { prepareStateDirectory } from '../host/state-directory.js';
import type { ServiceStep } from './plan.js';

/** In their order; the first that fails ends it. Throws `permission`, `bad-state`, `command-failed`. */
export async function executeSteps(
  steps: readonly ServiceStep[],
  runner: Runner,
  uid: number,
  signal: AbortSignal,
): Promise<void> {
  for (const step of steps) await execute(step, runner, uid, signal);
}

async function execute(step: ServiceStep, runner: Runner, uid: number, signal: AbortSignal): Promise<void> {
  switch (step.kind) {
    case 'directory':
      if (step.mode === 0o700) return prepareStateDirectory(step.path, uid);
      await onDisk(step.path, () => mkdir(step.path, { recursive: true, mode: step.mode }));
      return;
    case 'write':
      return onDisk(step.path, () => replaceFile(step.path, step.content));
    case 'delete':
      return onDisk(step.path, () => rm(step.path, { force: true }));
    case 'run':
      await runner.run(step.command, signal);
      return;
  }
}

/** systemd never sees half a unit. Readable by all, as units are: nothing in it is secret. */
async function replaceFile(path: string, content: string): Promise<void> {
  const temporary = `${path}.new`;
  await writeFile(temporary, content);
  await chmod(temporary, 0o644);
  await rename(temporary, path);
}

async function onDisk<Value>(path: string, change: () => Promise<Value>): Promise<Value> {
  try {
    return await change();
  } catch (error) {
    throw new RelayError('permission', `cannot change ${path}: ${(error as Error).message}`, {
      hint: 'run as root, on a system whose /etc can be written',
      cause: error,
    });
  }
}
