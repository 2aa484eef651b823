/** What must hold before anything touches the kernel: root, and the programs we drive. */

import { RelayError } from '../errors/relay-error.js';
import { command } from '../host/command.js';
import type { Runner } from '../host/runner.js';

/** Throws `permission` for anybody but root. */
export function requireRoot(uid: number, commandLine: string): void {
  if (uid === 0) return;
  throw new RelayError('permission', `${commandLine} changes the kernel's network state and must run as root`, {
    hint: `try: sudo ${commandLine}`,
  });
}

/** Throws `missing-capability` naming the first program that is missing and the package that has it. */
export async function requirePrograms(runner: Runner): Promise<void> {
  const checks = [
    command('nft', ['--version']),
    command('ip', ['-V']),
    command('ss', ['-V']),
    command('wg', ['--version']),
    command('conntrack', ['--version']),
  ];
  for (const check of checks) await runner.run(check);
}
