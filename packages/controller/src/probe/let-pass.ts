/** How what drops is told to let pass, in the words of the firewall that it is by all appearances. Pure. */

import { FIREWALLD_TABLE } from '@homeward/shared/kernel/firewalld';
import type { Sample } from './samples.js';
import type { DropSite } from './verdict.js';

/** iptables' tables, which are ufw's where it runs. */
const UFW_TABLES: readonly string[] = ['ip filter', 'ip6 filter'];

type Probed = Pick<Sample, 'transport' | 'arrivalPort' | 'targetPort' | 'lan'>;

/** The command to type; null where no firewall is recognized, and for replies, which both of them let pass. */
export function letPass({ at, direction, table }: DropSite, sample: Probed): string | null {
  if (direction === 'reply') return null;
  const { transport } = sample;
  const isForwarded = at === 'relay' || sample.lan !== null;
  const port = at === 'relay' ? sample.arrivalPort : sample.targetPort;
  if (UFW_TABLES.includes(table)) {
    return `with ufw: ufw ${isForwarded ? 'route ' : ''}allow proto ${transport} to any port ${port}`;
  }
  // What was DNATed firewalld forwards by itself.
  return table === `inet ${FIREWALLD_TABLE}` && !isForwarded
    ? `with firewalld: firewall-cmd --add-port=${port}/${transport}, and for good with --permanent`
    : null;
}
