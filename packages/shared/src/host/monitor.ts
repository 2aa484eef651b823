/** Watches the kernel for changes of rulesets, links, addresses, routes and rules, by the monitors of nft and ip. */

import { spawn } from 'node:child_process';
import type { Command } from './command.js';
import { command } from './command.js';
import { childEnvironment } from './runner.js';

/** How long to wait before starting a monitor again that ended, milliseconds. */
const RESTART_AFTER_MS = 1_000;

const MONITORS: readonly Command[] = [
  command('nft', ['monitor']),
  // ip buffers its output when it is no terminal; without stdbuf an event would come with the next 4 KiB.
  command('stdbuf', ['-oL', 'ip', 'monitor', 'link', 'address', 'route', 'rule']),
];

/** Calls `onChange` whenever a monitor prints something, until the signal aborts. What changed is found by observing. */
export function watchKernel(onChange: () => void, path: string | undefined, signal: AbortSignal): void {
  for (const monitor of MONITORS) keepRunning(monitor, onChange, path, signal);
}

function keepRunning(monitor: Command, onChange: () => void, path: string | undefined, signal: AbortSignal): void {
  if (signal.aborted) return;
  const child = spawn(monitor.file, monitor.args, {
    env: childEnvironment(path),
    stdio: ['ignore', 'pipe', 'ignore'],
    signal,
  });
  child.stdout.on('data', onChange);
  // An error (the program is missing, or the abort) is followed by `close`, which decides about a restart.
  child.on('error', () => undefined);
  child.on('close', () => {
    if (signal.aborted) return;
    const timer = setTimeout(() => keepRunning(monitor, onChange, path, signal), RESTART_AFTER_MS);
    timer.unref();
  });
}
