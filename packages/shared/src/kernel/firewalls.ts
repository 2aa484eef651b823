/** The firewalls of others on a machine that can be asked to let something through. Pure. */

import type { Family } from '../net/address.js';
import { dockerFamilies } from './docker-user.js';
import type { Firewalld } from './firewalld.js';
import type { Snapshot } from './snapshot.js';
import type { Ufw } from './ufw.js';

export interface Firewalls {
  /** Families of which Docker's chain for others' rules is there. */
  readonly docker: readonly Family[];
  readonly ufw: Ufw;
  /** Null where it does not run. */
  readonly firewalld: Firewalld | null;
}

export function firewallsOf({ dockerUser, ufw, firewalld }: Snapshot): Firewalls {
  return { docker: dockerFamilies(dockerUser), ufw, firewalld };
}
