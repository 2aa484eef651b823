/**
 * Flows by which conntrack leads a client elsewhere than it should: NAT is decided by a flow's first packet, and a client
 * that keeps sending keeps its flow (conntrack(8)).
 */

import { type Command, command } from '../host/command.js';
import type { Runner } from '../host/runner.js';
import { FAMILIES, type Family, familyOf, type IpAddress } from '../net/address.js';
import { type PortRange, portsOf, rangeContains, rangeLength } from '../net/port.js';
import type { Transport } from '../net/transport.js';
import { type ListedFlow, parseFlows } from './flow-parse.js';

export type StaleFlows = LedFlows | UnaskedFlows;

/** Flows by where they were sent to, before any translation, and where they were led. */
export interface LedFlows {
  readonly kind: 'led';
  readonly transport: Transport;
  readonly address: IpAddress;
  readonly ports: PortRange;
  /** Who answers them until now: flows that were led elsewhere are right already, and forgetting one would cost it a packet. */
  readonly ledTo: IpAddress;
}

/**
 * UDP flows that a service began itself, by its own end: answers that left when the client's flow was forgotten already. Such
 * a flow occupies the ends of the client's next one, and NAT, which keeps flows apart, would change the client's port.
 */
export interface UnaskedFlows {
  readonly kind: 'unasked';
  readonly address: IpAddress;
  readonly ports: PortRange;
  /** Where its clients send to, before any translation. */
  readonly arrivesAt: IpAddress;
}

/** How conntrack ends when there was nothing to list or to delete. */
const NOTHING_FOUND = [1];

/** For more ports of one address than this it is first asked which have flows: each port costs a walk through conntrack's whole table. */
const PORTS_UNASKED = 20;

/** Makes conntrack forget the flows, so that their next packet is a first one again. None being there is fine; other flows stay. */
export async function forgetFlows(runner: Runner, flows: readonly StaleFlows[]): Promise<void> {
  await Promise.all(
    FAMILIES.map((family) =>
      forgetOfFamily(
        runner,
        family,
        flows.filter(({ address }) => familyOf(address) === family),
      ),
    ),
  );
}

/** A service that is asked on the old way until its flow is forgotten may answer afterwards: then once more, not for ever. */
const ROUNDS = 10;

async function forgetOfFamily(runner: Runner, family: Family, flows: readonly StaleFlows[]): Promise<void> {
  const kernel: Conntrack = { runner, family };
  const led = flows.filter((stale) => stale.kind === 'led');
  // First: as long as clients are led the old way, services answer on it.
  await forgetTogether(kernel, led, BY_CLIENTS);
  const unasked = flows.filter((stale) => stale.kind === 'unasked');
  for (let round = 0; round < ROUNDS; round++) {
    const ends = await forgetTogether(kernel, unasked, BY_SERVICE);
    if (ends.size === 0) return;
    // Those that began on the new way before its ends were free.
    const places = unasked.filter(({ address }) => ends.has(address)).map(({ arrivesAt }) => arrivesAt);
    for (const place of new Set(places)) await forgetRenumbered(kernel, place);
  }
}

interface Conntrack {
  readonly runner: Runner;
  readonly family: Family;
}

const UDP = ['-p', 'udp'];

/** How conntrack is asked for flows of a kind. */
interface Search<Stale> {
  /** What the flows of several ports have in common. */
  way(stale: Stale): readonly string[];
  /** Conntrack's option for one of the ports, and where a listed flow has it. */
  readonly portOption: string;
  port(flow: ListedFlow): number;
}

const BY_CLIENTS: Search<LedFlows> = {
  way: ({ transport, address, ledTo }) => [...['-p', transport, '--orig-dst', address, '--reply-src', ledTo]],
  portOption: '--orig-port-dst',
  port: (flow) => flow.destinationPort,
};

const BY_SERVICE: Search<UnaskedFlows> = {
  way: ({ address }) => [...UDP, '--orig-src', address],
  portOption: '--orig-port-src',
  port: (flow) => flow.sourcePort,
};

/** Gives the addresses of which there were any. */
async function forgetTogether<Stale extends StaleFlows>(
  kernel: Conntrack,
  flows: readonly Stale[],
  search: Search<Stale>,
): Promise<Set<IpAddress>> {
  const groups = new Map<string, Stale[]>();
  for (const stale of flows) {
    const key = search.way(stale).join(' ');
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [stale]);
    else group.push(stale);
  }
  const found = new Set<IpAddress>();
  for (const group of groups.values()) {
    const [first] = group;
    if (first === undefined) continue;
    const way = search.way(first);
    const ranges = group.map(({ ports }) => ports);
    for (const port of await stalePorts(kernel, way, ranges, search)) {
      const deleted = await kernel.runner.run(
        conntrack('-D', kernel.family, [...way, search.portOption, String(port)]),
      );
      if (parseFlows(deleted).length > 0) found.add(first.address);
    }
  }
  return found;
}

async function stalePorts<Stale>(
  { runner, family }: Conntrack,
  way: readonly string[],
  ranges: readonly PortRange[],
  search: Search<Stale>,
): Promise<Set<number>> {
  const count = ranges.reduce((sum, range) => sum + rangeLength(range), 0);
  if (count <= PORTS_UNASKED) return new Set(ranges.flatMap(portsOf));
  const ports = new Set(parseFlows(await runner.run(conntrack('-L', family, way))).map(search.port));
  return new Set([...ports].filter((port) => ranges.some((range) => rangeContains(range, port))));
}

/** Flows whose client was given another port. */
async function forgetRenumbered({ runner, family }: Conntrack, place: IpAddress): Promise<void> {
  const flows = parseFlows(await runner.run(conntrack('-L', family, [...UDP, '--orig-dst', place])));
  for (const { source, destination, sourcePort, destinationPort, answeredPort } of flows) {
    if (answeredPort === sourcePort) continue;
    const addresses = ['--orig-src', source, '--orig-dst', destination];
    const ports = ['--orig-port-src', String(sourcePort), '--orig-port-dst', String(destinationPort)];
    await runner.run(conntrack('-D', family, [...UDP, ...addresses, ...ports]));
  }
}

function conntrack(action: '-L' | '-D', family: Family, search: readonly string[]): Command {
  return { ...command('conntrack', [action, '-f', family, ...search]), answers: NOTHING_FOUND };
}
