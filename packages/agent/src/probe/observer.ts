/** Watches in the kernel what arrives for the probed ports and by which link it is answered. */

import { command } from '@homeward/shared/host/command';
import type { Runner } from '@homeward/shared/host/runner';
import { type ListedElement, parseNftSet } from '@homeward/shared/kernel/nft-parse';
import { BACKEND_TABLE } from '@homeward/shared/net/allocation';
import type { Transport } from '@homeward/shared/net/forward-spec';
import { isIpv4 } from '@homeward/shared/net/ipv4';
import type { ObservedFlow } from '@homeward/shared/protocol/messages';
import { SETS } from '../desired/backend-sets.js';

export interface WatchedPort {
  readonly transport: Transport;
  readonly port: number;
}

/** Starts watching; the kernel forgets the ports by itself. */
export async function watchPorts(runner: Runner, ports: readonly WatchedPort[]): Promise<void> {
  const script = watchScript(ports);
  if (script !== '') await runner.run(command('nft', ['-f', '-'], script));
}

/** An element that is there keeps its old timeout when added again: it is made, removed and made anew in one transaction. */
function watchScript(ports: readonly WatchedPort[]): string {
  const lines = (['tcp', 'udp'] as const).flatMap((transport) => {
    const numbers = [...new Set(ports.filter((port) => port.transport === transport).map((port) => port.port))];
    if (numbers.length === 0) return [];
    const set = `inet ${BACKEND_TABLE} ${transport === 'tcp' ? SETS.watchTcp : SETS.watchUdp} { ${numbers.join(', ')} }`;
    return [`add element ${set}`, `delete element ${set}`, `add element ${set}`];
  });
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}

/** What was seen of watched ports within the last half minute: as delivered, and what entered but was not. */
export async function sightings(runner: Runner): Promise<ObservedFlow[]> {
  const list = async (set: string) =>
    parseNftSet(await runner.run(command('nft', ['-j', 'list', 'set', 'inet', BACKEND_TABLE, set])));
  const [entered, delivered, passedOn, left, icmp] = await Promise.all(
    [SETS.entered, SETS.delivered, SETS.forwarded, SETS.left, SETS.leftIcmp].map(list),
  );
  const local = (delivered ?? []).flatMap(parseSighting);
  const forwarded = (passedOn ?? []).flatMap(parseSighting);
  const arrivals = [...local, ...forwarded];
  const lost = (entered ?? [])
    .flatMap(parseSighting)
    .filter((flow) => !arrivals.some((other) => sameFlow(flow, other)));
  const replies = (left ?? []).flatMap(parseSighting);
  const errors = (icmp ?? []).map((element) => element.key.split(' . '));
  const leftOn = (flow: SeenFlow): string | null => {
    const answered = replies.filter((other) => sameFlow(flow, other)).map((other) => other.link);
    const refused = errors.flatMap(([address, way]) => (address === flow.address && way !== undefined ? [way] : []));
    // A port-unreachable bears no port here: it counts only where the flow itself got no answer.
    const ways = answered.length === 0 && flow.transport === 'udp' ? refused : answered;
    // Of several ways the wrong one is what matters.
    return ways.find((way) => way !== flow.link) ?? ways[0] ?? null;
  };
  const observed =
    (delivery: ObservedFlow['delivery']) =>
    (flow: SeenFlow): ObservedFlow => {
      const { link, ...rest } = flow;
      return { ...rest, delivery, arrivedOn: link, leftOn: leftOn(flow) };
    };
  return [...local.map(observed('local')), ...forwarded.map(observed('forwarded')), ...lost.map(observed('none'))];
}

/** Tells one flow from another. */
export function flowKey(flow: ObservedFlow): string {
  return `${flow.transport} ${flow.address}:${flow.port} ${flow.arrivedOn} ${flow.delivery}`;
}

interface SeenFlow {
  readonly transport: Transport;
  readonly address: string;
  readonly port: number;
  readonly link: string;
}

/** `address . port . transport . link`. */
function parseSighting(element: ListedElement): SeenFlow[] {
  const [address = '', port = '', transport, link = ''] = element.key.split(' . ');
  if (!isIpv4(address) || (transport !== 'tcp' && transport !== 'udp')) return [];
  return [{ transport, address, port: Number(port), link }];
}

function sameFlow(a: SeenFlow, b: SeenFlow): boolean {
  return a.transport === b.transport && a.address === b.address && a.port === b.port;
}
