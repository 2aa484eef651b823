/** Starts the guard of a change so that it outlives the daemon, and waits until it stands. */

import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { RelayError } from '../errors/relay-error.js';
import { command } from '../host/command.js';
import { childEnvironment, type Runner } from '../host/runner.js';
import { needsSystemdUnit } from '../host/systemd.js';

/** A program starts in a quarter of a second; on a small busy machine in some. */
const START_LIMIT_MS = 15_000;
const START_POLL_MS = 10;
/** What several hundred guards have said. */
const LOG_LIMIT_BYTES = 64 * 1024;

export interface GuardProgram {
  readonly side: 'controller' | 'agent';
  /** The argv of this very program with its directories and the hidden command; change and time come behind. */
  readonly argv: readonly string[];
  readonly stateDir: string;
  readonly runDir: string;
  readonly path: string | undefined;
}

/** Starts the guard of a new change, for that many milliseconds; gives the change's name once the guard stands. */
export type StartGuard = (confirmMs: number) => Promise<string>;

/** Where a guard says that it stands; it takes this away when it ends. */
export function standingFile(runDir: string, side: string, change: string): string {
  return join(runDir, `${side}-guard-${change}`);
}

/** The starter throws `command-failed` when no guard comes to stand: then nothing may be changed. */
export function createGuardStarter(program: GuardProgram, runner: Runner): StartGuard {
  const { side, argv, runDir } = program;
  return async (confirmMs) => {
    const change = randomBytes(8).toString('hex');
    const words = [...argv, change, String(confirmMs)];
    await mkdir(runDir, { recursive: true, mode: 0o755 });
    if (await needsSystemdUnit()) {
      const unit = [`--unit=homeward-${side}-guard-${change}`, '--collect', '--property=Type=exec'];
      await runner.run(command('systemd-run', ['--quiet', ...unit, '--', ...words]));
    } else {
      await startDetached(program, words);
    }
    const standing = standingFile(runDir, side, change);
    const deadline = performance.now() + START_LIMIT_MS;
    while (!existsSync(standing)) {
      if (performance.now() > deadline) {
        throw new RelayError('command-failed', 'the guard that would undo the change did not start', {
          hint: 'nothing was changed; what it said is in the log of its unit, or beside the stored state',
        });
      }
      await delay(START_POLL_MS);
    }
    return change;
  };
}

/** In a session of its own, with nothing of ours open: neither our end nor our terminal's reaches it. */
async function startDetached({ side, stateDir, path }: GuardProgram, words: readonly string[]): Promise<void> {
  const [file = '', ...args] = words;
  const log = await open(join(stateDir, `${side}-guard.log`), 'a', 0o600);
  try {
    if ((await log.stat()).size > LOG_LIMIT_BYTES) await log.truncate();
    const child = spawn(file, args, {
      detached: true,
      env: childEnvironment(path),
      stdio: ['ignore', log.fd, log.fd],
      cwd: '/',
    });
    // A program that cannot be started never says that it stands.
    child.on('error', () => undefined);
    child.unref();
  } finally {
    await log.close();
  }
}
