/** UDP flows that conntrack still sends where their port led before: NAT is decided by a flow's first packet, and a client that keeps sending keeps its flow (conntrack(8)). */

import { RelayError } from '../errors/relay-error.js';
import { type Command, command } from '../host/command.js';
import type { Runner } from '../host/runner.js';
import type { Ipv4Address } from '../net/ipv4.js';

/** Flows by where they were sent to, before any translation. */
export interface StaleFlows {
  readonly address: Ipv4Address;
  readonly port: number;
}

/** More ports of one address than this are not forgotten one by one, each with a walk through conntrack's whole table, but all UDP of that address at once. */
const PORTS_ONE_BY_ONE = 50;

/** Makes conntrack forget the flows, so that their next packet is a first one again. None being there is fine. */
export async function forgetFlows(runner: Runner, flows: readonly StaleFlows[]): Promise<void> {
  for (const forget of forgetCommands(flows)) {
    await runner.run(forget).catch((error: unknown) => {
      // conntrack ends with 1 when it found nothing to delete.
      if (!(error instanceof RelayError) || error.details['exitCode'] !== 1) throw error;
    });
  }
}

function forgetCommands(flows: readonly StaleFlows[]): Command[] {
  const portsByAddress = new Map<Ipv4Address, Set<number>>();
  for (const { address, port } of flows) {
    portsByAddress.set(address, (portsByAddress.get(address) ?? new Set()).add(port));
  }
  return [...portsByAddress].flatMap(([address, ports]) => {
    const all = ['-D', '-p', 'udp', '--orig-dst', address];
    if (ports.size > PORTS_ONE_BY_ONE) return [command('conntrack', all)];
    return [...ports].map((port) => command('conntrack', [...all, '--orig-port-dst', String(port)]));
  });
}
