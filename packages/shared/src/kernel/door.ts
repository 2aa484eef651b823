/** What a firewall of others has to let in to this machine. */

import type { IpAddress } from '../net/address.js';

export interface Door {
  readonly protocol: 'tcp' | 'udp' | 'gre';
  /** For those that have ports. */
  readonly port?: number;
  /** Everybody if none is given. */
  readonly source?: IpAddress;
}
