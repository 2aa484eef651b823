/** What every command of the controller's command line works with. */

import { createRunner, type Runner } from '@homeward/shared/host/runner';
import { callDaemon, type Daemon } from '@homeward/shared/local/api-client';
import type { Reconciler } from '@homeward/shared/reconcile/reconciler';
import { createSide } from '@homeward/shared/reconcile/side';
import type { Console } from '@homeward/shared/terminal/console';
import type { Command } from 'commander';
import type { RelaySide } from '../daemon/relay-kernel.js';
import { encodeState, stateSchema } from '../store/state.js';

interface DirectoryOptions {
  readonly stateDir: string;
  readonly runDir: string;
}

export interface CommandContext {
  readonly console: Console;
  readonly runner: Runner;
  readonly side: RelaySide;
  readonly stateDir: string;
  readonly runDir: string;
  readonly uid: number;
  readonly debug: boolean;
  /** Aborts with Ctrl-C. */
  readonly interrupt: AbortSignal;
  /** Asks the daemon, until Ctrl-C or `signal`. */
  call(
    command: string,
    args: unknown,
    onEvent?: (event: Record<string, unknown>) => void,
    signal?: AbortSignal,
  ): Promise<unknown>;
  /** A reconciler over the stored state, for use without a daemon. */
  kernel(): Promise<Reconciler>;
}

/** The context of a command, from its options. */
export function contextOf(program: Command, console: Console, interrupt: AbortSignal): CommandContext {
  const { stateDir, runDir, debug } = program.opts<DirectoryOptions & { debug?: boolean }>();
  const runner = createRunner(process.env['PATH']);
  const uid = process.getuid?.() ?? -1;
  const side = createSide({
    program: 'controller',
    schema: stateSchema,
    encode: encodeState,
    runner,
    stateDir,
    runDir,
    uid,
  });
  const daemon: Daemon = {
    socketPath: side.socketPath,
    program: 'controller',
    startHint: 'controller install, or in the foreground: controller serve',
  };
  return {
    ...{ console, runner, side, stateDir, runDir, uid, interrupt },
    debug: debug === true,
    async kernel() {
      // What only some commands need is loaded by them: the others start in half the time.
      const [{ createRelayKernel }, { createLogger }] = await Promise.all([
        import('../daemon/relay-kernel.js'),
        import('@homeward/shared/terminal/logger'),
      ]);
      const logger = createLogger('controller', debug === true);
      const state = await side.storedState();
      const ledger = await side.openLedger();
      return createRelayKernel({ runner, ledger, logger, repair: true, state, listen: null });
    },
    call: (command, args, onEvent = () => undefined, signal = interrupt) =>
      callDaemon(daemon, command, args, onEvent, signal),
  };
}
