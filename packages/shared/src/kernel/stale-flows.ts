/** UDP flows that conntrack still sends where their port led before: NAT is decided by a flow's first packet, and a client that keeps sending keeps its flow (conntrack(8)). */

import { type Command, command } from '../host/command.js';
import type { Runner } from '../host/runner.js';
import { familyOf, type IpAddress } from '../net/address.js';
import { type PortRange, portsOf, rangeContains, rangeLength } from '../net/port.js';

/** Flows by where they were sent to, before any translation, and where they were led. */
export interface StaleFlows {
  readonly address: IpAddress;
  readonly ports: PortRange;
  /** Who answers them until now: flows that were led elsewhere are right already, and forgetting one would cost it a packet. */
  readonly ledTo: IpAddress;
}

/** How conntrack ends when there was nothing to delete. */
const NOTHING_FOUND = [1];

/** For more ports of one address than this it is first asked which have flows: each port costs a walk through conntrack's whole table. */
const PORTS_UNASKED = 20;

/** Makes conntrack forget the flows, so that their next packet is a first one again. None being there is fine; other flows stay. */
export async function forgetFlows(runner: Runner, flows: readonly StaleFlows[]): Promise<void> {
  const together = new Map<string, StaleFlows[]>();
  for (const stale of flows) {
    const key = `${stale.address} ${stale.ledTo}`;
    together.set(key, [...(together.get(key) ?? []), stale]);
  }
  for (const group of together.values()) {
    const [first] = group;
    if (first === undefined) continue;
    const ranges = group.map(({ ports }) => ports);
    for (const port of await stalePorts(runner, first, ranges)) await runner.run(conntrack('-D', first, port));
  }
}

type Way = Pick<StaleFlows, 'address' | 'ledTo'>;

async function stalePorts(runner: Runner, way: Way, ranges: readonly PortRange[]): Promise<Set<number>> {
  const count = ranges.reduce((sum, range) => sum + rangeLength(range), 0);
  if (count <= PORTS_UNASKED) return new Set(ranges.flatMap(portsOf));
  const ports = new Set(parseDestinationPorts(await runner.run(conntrack('-L', way))));
  return new Set([...ports].filter((port) => ranges.some((range) => rangeContains(range, port))));
}

/** conntrack prints `name=value` words, the original direction's first. */
export function parseDestinationPorts(listing: string): number[] {
  return listing.split('\n').flatMap((line) => {
    const port = / dport=(\d+) /.exec(line)?.[1];
    return port === undefined ? [] : [Number(port)];
  });
}

function conntrack(action: '-L' | '-D', { address, ledTo }: Way, port?: number): Command {
  const where = port === undefined ? [] : ['--orig-port-dst', String(port)];
  const way = ['--orig-dst', address, '--reply-src', ledTo];
  const args = [action, '-f', familyOf(address), '-p', 'udp', ...way, ...where];
  return { ...command('conntrack', args), answers: NOTHING_FOUND };
}
