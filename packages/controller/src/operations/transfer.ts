/** Moving a relay to another machine: its stored state goes out, or comes in where there is none. Needs no daemon. */

import { readdir } from 'node:fs/promises';
import { RelayError } from '@homeward/shared/errors/relay-error';
import { takeLocks } from '@homeward/shared/local/instance-lock';
import type { RelaySide } from '../daemon/relay-kernel.js';
import type { RelayState } from '../store/state.js';

/** The state as it is stored now, also beside a daemon; throws `not-found` where no relay was ever set up. */
export async function stateToExport(side: RelaySide, stateDir: string): Promise<RelayState> {
  const state = (await side.storedState())();
  if (state !== null) return state;
  throw new RelayError('not-found', `there is no relay in ${stateDir} to export`, {
    hint: 'name the directory of its state with --state-dir',
  });
}

/** Stores what `open` gives as this machine's relay. Throws `conflict` while a daemon runs here, and as `storeImport`. */
export async function importRelay(
  side: RelaySide,
  stateDir: string,
  open: () => Promise<RelayState>,
): Promise<RelayState> {
  const lock = await takeLocks('controller', side).catch((error: unknown) => {
    if (!(error instanceof RelayError) || error.code !== 'conflict') throw error;
    throw new RelayError('conflict', 'a controller runs on this machine: it is a relay already', {
      hint: 'import on another machine, or stop this one first',
      cause: error,
    });
  });
  try {
    return await storeImport(side, stateDir, open);
  } finally {
    await lock.release();
  }
}

/** Throws `conflict` where a relay is stored already, before `open` asks for anything. No daemon may start meanwhile. */
export async function storeImport(
  side: RelaySide,
  stateDir: string,
  open: () => Promise<RelayState>,
): Promise<RelayState> {
  await refuseStoredRelay(stateDir);
  const state = asMoved(await open());
  await side.prepare();
  await side.stateFile.write(state);
  return state;
}

/** Also what is left of a relay, such as its previous state, is somebody's only copy of a key. */
async function refuseStoredRelay(stateDir: string): Promise<void> {
  const names = await readdir(stateDir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw new RelayError('permission', `cannot look into ${stateDir}: ${error.message}`, {
      hint: 'run as root, or choose another directory with --state-dir',
      cause: error,
    });
  });
  const stored = names.find((name) => name.startsWith('controller.json'));
  if (stored === undefined) return;
  throw new RelayError('conflict', `${stateDir} holds a relay already (${stored}), which is never overwritten`, {
    hint: `choose another directory with --state-dir, or move ${stateDir} away`,
  });
}

/** What was proven on the old machine is not proven here, and backends have not yet reached this one's addresses. */
function asMoved(state: RelayState): RelayState {
  return { ...state, pairings: state.pairings.map((pairing) => ({ ...pairing, proof: null, outer: null })) };
}
