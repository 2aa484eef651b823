/** Where one side keeps its things, and how it reaches the kernel: needed by its daemon and by commands that work without one. */

import { join } from 'node:path';
import type { z } from 'zod';
import { auditPath } from '../audit/audit-file.js';
import { kernelInstance } from '../host/identity-of-kernel.js';
import { createJsonFile, type JsonFile } from '../host/json-file.js';
import type { Runner } from '../host/runner.js';
import { prepareStateDirectory } from '../host/state-directory.js';
import { type Lock, takeStateLock } from '../host/state-lock.js';
import { type Ledger, ledgerSchema, openLedger } from './ledger.js';

export interface Side<State> {
  readonly runner: Runner;
  readonly stateFile: JsonFile<State>;
  readonly statePath: string;
  /** The audit log. */
  readonly auditPath: string;
  /** The daemon's unix socket. */
  readonly socketPath: string;
  /** Makes the state directory, or refuses one that is not ours alone. */
  prepare(): Promise<void>;
  /** Makes this process the only one that may write here, and removes what a dead one left unfinished. Throws `conflict`, `bad-state`. */
  lock(): Promise<Lock>;
  openLedger(): Promise<Ledger>;
  /** Gives the state as it is stored now; a damaged file throws only when it is asked for, since `down` works without it. */
  storedState(): Promise<() => State | null>;
}

export interface SideOptions<State> {
  readonly program: 'controller' | 'agent';
  readonly schema: z.ZodType<State>;
  /** A quicker way to what the schema would encode. */
  readonly encode?: (state: State) => unknown;
  readonly runner: Runner;
  readonly stateDir: string;
  readonly runDir: string;
  readonly uid: number;
}

export function createSide<State>(options: SideOptions<State>): Side<State> {
  const { program, schema, encode, runner, stateDir, runDir, uid } = options;
  // Named by the side: where both run on one machine, they may be given one directory.
  const statePath = join(stateDir, `${program}.json`);
  const stateFile = createJsonFile(statePath, schema, encode);
  const ledgerFile = createJsonFile(join(stateDir, `${program}-kernel.json`), ledgerSchema);
  return {
    ...{ runner, stateFile, statePath },
    async storedState() {
      const outcome = await stateFile.read().then(
        (state) => ({ state }),
        (error: unknown) => ({ error }),
      );
      return () => {
        if ('error' in outcome) throw outcome.error;
        return outcome.state;
      };
    },
    auditPath: auditPath(stateDir, program),
    socketPath: join(runDir, `${program}.sock`),
    prepare: () => prepareStateDirectory(stateDir, uid),
    async lock() {
      const lock = await takeStateLock(join(stateDir, `${program}.lock`), program, runner);
      try {
        await Promise.all([stateFile.removeUnfinished(), ledgerFile.removeUnfinished()]);
        return lock;
      } catch (error) {
        await lock.release();
        throw error;
      }
    },
    openLedger: async () => openLedger(ledgerFile, await kernelInstance()),
  };
}
