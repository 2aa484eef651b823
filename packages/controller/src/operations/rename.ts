/** Giving a backend another name while everything runs: the kernel knows backends by their addresses only. */

import { parseBackendName } from '@homeward/shared/net/names';
import { pairingNamed, renamePairing } from '../store/pairings.js';
import type { Relay } from './relay.js';

export interface RenameOutcome {
  /** The name it has now. */
  readonly backend: string;
  readonly previous: string;
  /** False: it had that name already. */
  readonly changed: boolean;
  /** `online`: the backend was told; `offline`: it hears it when it next connects; `waiting`: it has not enrolled. */
  readonly state: 'online' | 'offline' | 'waiting';
}

/** Throws `bad-input` for a name that is none, `not-found`, `conflict` for a name that is taken. */
export async function rename(relay: Relay, previous: string, newName: string): Promise<RenameOutcome> {
  const name = parseBackendName(newName);
  const { changed, agentKey } = await relay.store.update((state) => {
    const renamed = renamePairing(state, previous, name);
    return { state: renamed, result: { changed: renamed !== state, agentKey: pairingNamed(renamed, name).agentKey } };
  });
  const session = relay.backends.sessionOf(agentKey);
  if (changed) session?.send({ type: 'welcome', name, urls: [...relay.machine.endpoints()] });
  if (changed) relay.logger.info({ backend: name, previous }, 'backend renamed');
  relay.changes.notify();
  const state = agentKey === null ? 'waiting' : session === undefined ? 'offline' : 'online';
  return { backend: name, previous, changed, state };
}
