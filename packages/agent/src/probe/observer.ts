/** Watches in the kernel what arrives for the probed ports and by which link it is answered. */

import { command } from '@homeward/shared/host/command';
import type { Runner } from '@homeward/shared/host/runner';
import { type ListedElement, parseNftSet } from '@homeward/shared/kernel/nft-parse';
import { FAMILIES, type Family, isIp } from '@homeward/shared/net/address';
import { BACKEND_TABLE, isProbeAddress } from '@homeward/shared/net/allocation';
import type { Transport } from '@homeward/shared/net/transport';
import type { ObservedFlow } from '@homeward/shared/protocol/messages';
import { COMMON_SETS, SETS } from '../desired/backend-sets.js';

export interface WatchedPort {
  readonly transport: Transport;
  readonly port: number;
}

/** Starts watching; the kernel forgets the ports by itself. */
export async function watchPorts(runner: Runner, ports: readonly WatchedPort[]): Promise<void> {
  await runner.run(command('nft', ['-f', '-'], watchScript(ports)));
}

/** An element that is there keeps its old timeout when added again: it is made, removed and made anew in one transaction. */
function watchScript(ports: readonly WatchedPort[]): string {
  const lines = (['tcp', 'udp'] as const).flatMap((transport) => {
    const numbers = [...new Set(ports.filter((port) => port.transport === transport).map((port) => port.port))];
    if (numbers.length === 0) return [];
    const set = `inet ${BACKEND_TABLE} ${transport === 'tcp' ? COMMON_SETS.watchTcp : COMMON_SETS.watchUdp} { ${numbers.join(', ')} }`;
    return [`add element ${set}`, `delete element ${set}`, `add element ${set}`];
  });
  // Errors of an earlier probe are not this one's.
  for (const family of FAMILIES) lines.push(`flush set inet ${BACKEND_TABLE} ${SETS[family].leftIcmp}`);
  return `${lines.join('\n')}\n`;
}

/** What was seen of watched ports within the last half minute: as delivered, and what entered but was not. */
export async function sightings(runner: Runner): Promise<ObservedFlow[]> {
  return (await Promise.all(FAMILIES.map((family) => familySightings(runner, family)))).flat();
}

async function familySightings(runner: Runner, family: Family): Promise<ObservedFlow[]> {
  const sets = SETS[family];
  const list = async (set: string): Promise<ListedElement[]> => {
    const once = async () =>
      parseNftSet(await runner.run(command('nft', ['-j', 'list', 'set', 'inet', BACKEND_TABLE, set])));
    // A hash set that the kernel resizes meanwhile is listed with gaps (rhashtable walks): two listings close them.
    const listings = [...(await once()), ...(await once())];
    return [...new Map(listings.map((element) => [element.key, element])).values()];
  };
  const [entered, delivered, passedOn, left, icmp] = await Promise.all(
    [sets.entered, sets.delivered, sets.forwarded, sets.left, sets.leftIcmp].map(list),
  );
  const local = (delivered ?? []).flatMap(parseSighting);
  const forwarded = (passedOn ?? []).flatMap(parseSighting);
  const arrivals = [...local, ...forwarded];
  const lost = (entered ?? [])
    .flatMap(parseSighting)
    .filter((flow) => !arrivals.some((other) => sameFlow(flow, other)));
  // Port-unreachable is an answer, too.
  const replies = [...(left ?? []).flatMap(parseSighting), ...(icmp ?? []).flatMap(parseRefusal)];
  const observed =
    (delivery: ObservedFlow['delivery']) =>
    (flow: SeenFlow): ObservedFlow => {
      const { link, ...rest } = flow;
      const ways = replies.filter((other) => sameFlow(flow, other)).map((other) => other.link);
      // Of several ways the wrong one is what matters.
      const leftOn = ways.find((way) => way !== link) ?? ways[0] ?? null;
      return { ...rest, delivery, arrivedOn: link, leftOn };
    };
  return [...local.map(observed('local')), ...forwarded.map(observed('forwarded')), ...lost.map(observed('none'))];
}

/** How many flows are told at most: a probe makes a few. */
const MOST_FLOWS = 4096;

/**
 * Of the flows those that can be a probe's: by its address, by the relay's own (a masquerade there), or by its port.
 * What other clients of this or of another relay do stays here.
 */
export function probeFlows(
  flows: readonly ObservedFlow[],
  device: string,
  relayAddresses: readonly string[],
  clientPorts: readonly number[],
): ObservedFlow[] {
  const ports = new Set(clientPorts);
  const isOurs = ({ address, port, arrivedOn }: ObservedFlow): boolean => {
    const isProbe = isIp(address) && isProbeAddress(address);
    return port > 0 && (isProbe || (arrivedOn === device && (relayAddresses.includes(address) || ports.has(port))));
  };
  return flows.filter(isOurs).slice(0, MOST_FLOWS);
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
  if (!isIp(address) || (transport !== 'tcp' && transport !== 'udp')) return [];
  return [{ transport, address, port: Number(port), link }];
}

/** `address . port . link`. */
function parseRefusal(element: ListedElement): SeenFlow[] {
  const [address = '', port = '', link = ''] = element.key.split(' . ');
  return isIp(address) ? [{ transport: 'udp', address, port: Number(port), link }] : [];
}

function sameFlow(a: SeenFlow, b: SeenFlow): boolean {
  return a.transport === b.transport && a.address === b.address && a.port === b.port;
}
