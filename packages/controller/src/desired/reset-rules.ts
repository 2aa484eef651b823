/**
 * Policy rules that keep the relay itself silent on forwarded TCP ports. Without our DNAT, in the moment between a foreign
 * flush and our repair, what clients send arrives at the relay's own stack, whose reset would end their connections;
 * unanswered, they send again. Rules are no part of nftables' ruleset, so no flush removes them. Pure.
 */

import { FAMILIES, type Family, type IpAddress } from '@homeward/shared/net/address';
import { RULE_NO_RESETS, RULE_NO_RESETS_OF_ADDRESS } from '@homeward/shared/net/allocation';
import { type Forward, familiesOf } from '@homeward/shared/net/forward-spec';
import { parseLinkName } from '@homeward/shared/net/names';
import { joinRanges, type PortRange, rangeLength, rangesOverlap, rangesWithout } from '@homeward/shared/net/port';
import type { PolicyRule } from '@homeward/shared/state/resources';

/** The kernel goes through the rules for every packet's route, so they stay few. */
const MOST_RULES = 32;
/** A wide range is seldom all services; nobody counts on its silence. */
const LONGEST_RANGE = 64;

/** TCP ports that are the relay's own business. */
export interface OwnPorts {
  /** Those at which its programs listen. */
  readonly ownTcpPorts: readonly number[];
  /** Those from which they call: the rule would silence them, too. */
  readonly localPorts: PortRange;
}

/** The rules for forwards that clients are led to, in the families of their tunnels. */
export function resetRules(
  led: readonly { readonly forwards: readonly Forward[]; readonly families: readonly Family[] }[],
  { ownTcpPorts, localPorts }: OwnPorts,
): PolicyRule[] {
  return FAMILIES.flatMap((family) => {
    const forwards = led
      .filter(({ families }) => families.includes(family))
      .flatMap((one) => one.forwards)
      .filter((forward) => forward.transports.includes('tcp') && familiesOf(forward).includes(family))
      .filter(({ publicPorts: ports }) => rangeLength(ports) <= LONGEST_RANGE && !rangesOverlap(ports, localPorts));
    // A forward of one address says nothing of the others, where the port is as it is without us.
    const addresses = [...new Set(forwards.map(({ address }) => address))].sort();
    return addresses
      .flatMap((address) => {
        const own = forwards.filter((forward) => forward.address === address);
        return joinRanges(own.map(({ publicPorts }) => publicPorts))
          .slice(0, MOST_RULES)
          .flatMap((ports) => rangesWithout(ports, ownTcpPorts))
          .map((ports) => silenced(family, address, ports));
      })
      .slice(0, MOST_RULES);
  });
}

/** What comes from `lo` is what this machine's own programs and its kernel send. */
function silenced(family: Family, address: IpAddress | null, ports: PortRange): PolicyRule {
  const selector = {
    iif: parseLinkName('lo'),
    ...(address === null ? {} : { from: address }),
    sourcePorts: { transport: 'tcp' as const, ports },
  };
  const priority = address === null ? RULE_NO_RESETS : RULE_NO_RESETS_OF_ADDRESS;
  return { kind: 'rule', family, priority, selector, action: { kind: 'blackhole' } };
}
