/** What every command of the agent's command line works with. */

import { createRunner, type Runner } from '@homeward/shared/host/runner';
import { callDaemon, type Daemon } from '@homeward/shared/local/api-client';
import { createSide } from '@homeward/shared/reconcile/side';
import type { Console } from '@homeward/shared/terminal/console';
import type { Command } from 'commander';
import type { BackendSide } from '../daemon/backend-kernel.js';
import { stateSchema } from '../store/state.js';

interface AgentOptions {
  readonly stateDir: string;
  readonly runDir: string;
  readonly policy: string;
  readonly debug?: boolean;
}

export interface CommandContext {
  readonly console: Console;
  readonly runner: Runner;
  readonly side: BackendSide;
  readonly stateDir: string;
  readonly runDir: string;
  readonly policyFile: string;
  readonly uid: number;
  readonly debug: boolean;
  /** Aborts with Ctrl-C. */
  readonly interrupt: AbortSignal;
  /** Asks the daemon, until Ctrl-C or `signal`. */
  call(command: string, args: unknown, signal?: AbortSignal): Promise<unknown>;
}

/** The context of a command, from its options. */
export function contextOf(program: Command, console: Console, interrupt: AbortSignal): CommandContext {
  const { stateDir, runDir, policy, debug } = program.opts<AgentOptions>();
  const runner = createRunner(process.env['PATH']);
  const uid = process.getuid?.() ?? -1;
  const side = createSide({ program: 'agent', schema: stateSchema, runner, stateDir, runDir, uid });
  const daemon: Daemon = {
    socketPath: side.socketPath,
    program: 'agent',
    startHint: 'agent install, or in the foreground: agent run',
  };
  return {
    ...{ console, runner, side, stateDir, runDir, uid, interrupt },
    policyFile: policy,
    debug: debug === true,
    call: (command, args, signal = interrupt) => callDaemon(daemon, command, args, () => undefined, signal),
  };
}
