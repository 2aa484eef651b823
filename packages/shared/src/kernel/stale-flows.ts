/** UDP flows that conntrack still sends where their port led before: NAT is decided by a flow's first packet, and a client that keeps sending keeps its flow (conntrack(8)). */

import { type Command, command } from '../host/command.js';
import type { Runner } from '../host/runner.js';
import { familyOf, type IpAddress } from '../net/address.js';
import { type PortRange, portsOf, rangeContains, rangeLength } from '../net/port.js';

/** Flows by where they were sent to, before any translation. */
export interface StaleFlows {
  readonly address: IpAddress;
  readonly ports: PortRange;
}

/** How conntrack ends when there was nothing to delete. */
const NOTHING_FOUND = [1];

/** For more ports of one address than this it is first asked which have flows: each port costs a walk through conntrack's whole table. */
const PORTS_UNASKED = 20;

/** Makes conntrack forget the flows, so that their next packet is a first one again. None being there is fine; other flows stay. */
export async function forgetFlows(runner: Runner, flows: readonly StaleFlows[]): Promise<void> {
  const rangesByAddress = new Map<IpAddress, PortRange[]>();
  for (const { address, ports } of flows) {
    rangesByAddress.set(address, [...(rangesByAddress.get(address) ?? []), ports]);
  }
  for (const [address, ranges] of rangesByAddress) {
    for (const port of await stalePorts(runner, address, ranges)) {
      await runner.run(conntrack('-D', address, port));
    }
  }
}

async function stalePorts(runner: Runner, address: IpAddress, ranges: readonly PortRange[]): Promise<Set<number>> {
  const count = ranges.reduce((sum, range) => sum + rangeLength(range), 0);
  if (count <= PORTS_UNASKED) return new Set(ranges.flatMap(portsOf));
  const ports = new Set(parseDestinationPorts(await runner.run(conntrack('-L', address))));
  return new Set([...ports].filter((port) => ranges.some((range) => rangeContains(range, port))));
}

/** conntrack prints `name=value` words, the original direction's first. */
export function parseDestinationPorts(listing: string): number[] {
  return listing.split('\n').flatMap((line) => {
    const port = / dport=(\d+) /.exec(line)?.[1];
    return port === undefined ? [] : [Number(port)];
  });
}

function conntrack(action: '-L' | '-D', address: IpAddress, port?: number): Command {
  const where = port === undefined ? [] : ['--orig-port-dst', String(port)];
  const args = [action, '-f', familyOf(address), '-p', 'udp', '--orig-dst', address, ...where];
  return { ...command('conntrack', args), answers: NOTHING_FOUND };
}
