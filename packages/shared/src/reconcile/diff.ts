/** The difference between what should be in the kernel and what is: pure. */

import { keyOf, textOf } from '../state/describe.js';
import type { HostState, NftElement, NftElements, Resource, WireguardDevice } from '../state/resources.js';

export type Change =
  | { readonly kind: 'create'; readonly key: string; readonly desired: Resource }
  | { readonly kind: 'update'; readonly key: string; readonly desired: Resource; readonly observed: Resource }
  | { readonly kind: 'delete'; readonly key: string; readonly observed: Resource };

/** Everything that has to change to get from observed to desired. Empty when the kernel is as it should be. */
export function diff(desired: HostState, observed: HostState): Change[] {
  const changes: Change[] = [];
  for (const [key, wanted] of desired) {
    const found = observed.get(key);
    if (wanted.kind === 'nft-elements') changes.push(...elementChanges(wanted, contentOf(wanted), contentOf(found)));
    else if (found === undefined || found.kind === 'nft-elements')
      changes.push({ kind: 'create', key, desired: wanted });
    else if (textOf(wanted) !== textOf(comparable(wanted, found))) {
      changes.push({ kind: 'update', key, desired: wanted, observed: found });
    }
  }
  for (const [key, found] of observed) {
    if (desired.has(key)) continue;
    if (found.kind === 'nft-elements') changes.push(...elementChanges(found, NOTHING, contentOf(found)));
    else changes.push({ kind: 'delete', key, observed: found });
  }
  return changes;
}

type Content = NftElements['elements'];

const NOTHING: Content = new Map();

function contentOf(resource: Resource | NftElements | undefined): Content {
  return resource?.kind === 'nft-elements' ? resource.elements : NOTHING;
}

/** Compared by key and value as they are: texts of ten thousand elements at every look would be felt. */
function elementChanges(place: Pick<NftElements, 'table' | 'set'>, wanted: Content, found: Content): Change[] {
  if (wanted === found) return [];
  const { table, set } = place;
  const element = (key: string, value: string | null): NftElement => ({ kind: 'nft-element', table, set, key, value });
  const changes: Change[] = [];
  for (const [key, value] of wanted) {
    const present = found.get(key);
    if (present === value) continue;
    const desired = element(key, value);
    if (present === undefined) changes.push({ kind: 'create', key: keyOf(desired), desired });
    else changes.push({ kind: 'update', key: keyOf(desired), desired, observed: element(key, present) });
  }
  for (const [key, value] of found) {
    if (wanted.has(key)) continue;
    const observed = element(key, value);
    changes.push({ kind: 'delete', key: keyOf(observed), observed });
  }
  return changes;
}

/** The resource a change is about: as it is to be, or as it was where it goes. */
export function subjectOf(change: Change): Resource {
  return change.kind === 'delete' ? change.observed : change.desired;
}

/** One line for people: `+` what is missing, `~` what is otherwise, `-` what is too much. */
export function changeText(change: Change): string {
  switch (change.kind) {
    case 'create':
      return `+ ${change.key} ${textOf(change.desired)}`.trimEnd();
    case 'update':
      return `~ ${change.key} ${textOf(change.desired)} (is: ${textOf(comparable(change.desired, change.observed))})`;
    case 'delete':
      return `- ${change.key}`;
  }
}

/** Leaves out of an observed WireGuard device what we let the kernel choose: a free port, the endpoint of a peer that calls us. */
function comparable(desired: Resource, observed: Resource): Resource {
  if (desired.kind !== 'wireguard-device' || observed.kind !== 'wireguard-device') return observed;
  const chosen = new Map(desired.peers.map((peer) => [peer.publicKey, peer.endpoint !== null]));
  const aligned: WireguardDevice = {
    ...observed,
    listenPort: desired.listenPort === null ? null : observed.listenPort,
    peers: observed.peers.map((peer) => (chosen.get(peer.publicKey) === false ? { ...peer, endpoint: null } : peer)),
  };
  return aligned;
}
