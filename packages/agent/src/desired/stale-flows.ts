/** Which UDP flows out of a tunnel are delivered elsewhere after a change of the backend's maps. Pure. */

import type { ElementsBySet } from '@homeward/shared/kernel/nft-parse';
import type { StaleFlows } from '@homeward/shared/kernel/stale-flows';
import { FAMILIES, type Family, type IpAddress, isIp } from '@homeward/shared/net/address';
import { parsePortRange } from '@homeward/shared/net/port';
import type { Change } from '@homeward/shared/reconcile/diff';
import type { Resource } from '@homeward/shared/state/resources';
import { SETS } from './backend-sets.js';

/**
 * Of pins and redirections; a changed source address makes the flows of `present` pins stale that it was chosen for. What
 * is delivered to a service anew must not meet what that service sent to its clients meanwhile.
 */
export function backendStaleFlows(changes: readonly Change[], present: ElementsBySet): StaleFlows[] {
  const elements = changes.flatMap(elementChange);
  return FAMILIES.flatMap((family) => {
    const ofSets = (...sets: readonly string[]) => elements.filter(({ set }) => sets.includes(set));
    const { pinned, redirected, sourcePin } = SETS[family];
    const pins = ofSets(pinned.single, pinned.range);
    const choices = addressesIn([...(present.get(sourcePin)?.values() ?? [])]);
    const chosen = addressesIn([...choices, ...ofSets(sourcePin).map(({ after }) => after)]);
    const former = addressesIn(ofSets(sourcePin).map(({ before }) => before));
    return [
      // What gets a pin went to the tunnel address itself; what loses one, to any address that was chosen.
      ...pins.flatMap(({ key, isNew }) => flowsTo(pinPlace(key), isNew ? null : choices)),
      // In a range nobody listens: what this machine sent from there is none of a service's.
      ...ofSets(pinned.single).flatMap(({ key, isNew }) => (isNew ? flowsFrom(pinPlace(key), chosen) : [])),
      ...presentPins(family, present).flatMap((key) => (former.length === 0 ? [] : flowsTo(pinPlace(key), former))),
      ...ofSets(redirected.single, redirected.range).flatMap(({ key, before, after, isNew }) => {
        const [address = '', transport, ports] = key.split(' . ');
        if (transport !== 'udp') return [];
        const place = { address, ports };
        if (!isNew) return flowsTo(place, addressesIn([before]));
        const [service, port] = (after ?? '').split(' . ');
        const target = { address, ports: port ?? ports };
        return [
          ...flowsTo(place, null),
          ...flowsTo(place, choices),
          ...flowsFrom(target, addressesIn([service ?? null])),
        ];
      }),
    ];
  });
}

interface ElementChange {
  readonly set: string;
  readonly key: string;
  readonly isNew: boolean;
  /** Its value until now, and from now on. */
  readonly before: string | null;
  readonly after: string | null;
}

function elementChange(change: Change): ElementChange[] {
  const subject = change.kind === 'create' ? change.desired : change.observed;
  if (subject.kind !== 'nft-element') return [];
  const valueIn = (resource: Resource) => (resource.kind === 'nft-element' ? resource.value : null);
  const before = change.kind === 'create' ? null : valueIn(change.observed);
  const after = change.kind === 'delete' ? null : valueIn(change.desired);
  return [{ set: subject.set, key: subject.key, isNew: change.kind === 'create', before, after }];
}

function presentPins(family: Family, present: ElementsBySet): string[] {
  const { single, range } = SETS[family].pinned;
  return [single, range].flatMap((set) => [...(present.get(set)?.keys() ?? [])]);
}

/** `address`, or `address . port`. */
function addressesIn(values: readonly (string | null)[]): IpAddress[] {
  return [...new Set(values.map((value) => value?.split(' . ')[0] ?? '').filter(isIp))];
}

interface Place {
  readonly address: string;
  readonly ports: string | undefined;
}

/** `tunnel address . ports`. */
function pinPlace(key: string): Place {
  const [address = '', ports] = key.split(' . ');
  return { address, ports };
}

/** Null for what was not led elsewhere. */
function flowsTo({ address, ports }: Place, led: readonly IpAddress[] | null): StaleFlows[] {
  if (!isIp(address) || ports === undefined) return [];
  const range = parsePortRange(ports);
  return (led ?? [address]).map((ledTo) => ({ kind: 'led', transport: 'udp', address, ports: range, ledTo }));
}

/** What services at these addresses began themselves by the ports. */
function flowsFrom({ address, ports }: Place, services: readonly IpAddress[]): StaleFlows[] {
  if (!isIp(address) || ports === undefined) return [];
  const range = parsePortRange(ports);
  return services.map((service) => ({ kind: 'unasked', address: service, ports: range, arrivesAt: address }));
}
