/** Changes of the backend's relays, each a pure function from state to state. */

import { RelayError } from '@homeward/shared/errors/relay-error';
import { isHomewardLink, MARK_MASK, MAX_SLOT, slotNumbers } from '@homeward/shared/net/allocation';
import type { AcceptedOffer, BackendState, OwnersDevice, RelayRecord } from './state.js';

/** Relays that are paired now. */
export function pairedRelays(state: BackendState): RelayRecord[] {
  return state.relays.filter((relay) => !relay.revoked);
}

/** The relay by slot, or by the name it knows this backend by; null asks for the only one. Throws `not-found`. */
export function chooseRelay(state: BackendState, name: string | null): RelayRecord {
  const relays = pairedRelays(state);
  const matching =
    name === null ? relays : relays.filter((relay) => relay.name === name || String(relay.slot) === name);
  const [found] = matching;
  if (found !== undefined && matching.length === 1) return found;
  const list = relays.map((relay) => `${relay.name} (slot ${relay.slot}, ${relay.urls.join(', ')})`).join('; ');
  if (relays.length === 0)
    throw new RelayError('not-found', 'this backend is paired with no relay', { hint: 'nothing to leave' });
  throw new RelayError(
    'not-found',
    name === null ? 'which relay? there are several' : `there is no single relay "${name}"`,
    {
      hint: `name it by its slot: ${list}`,
    },
  );
}

/** The lowest slot that no relay has and nothing of others stands in the way of; throws `conflict`, naming what does, when there is none. */
export function freeSlot(state: BackendState, obstacleOf: (slot: number) => string | null): number {
  const taken = new Set(pairedRelays(state).map((relay) => relay.slot));
  let obstacle: string | null = null;
  for (let slot = 1; slot <= MAX_SLOT; slot += 1) {
    if (taken.has(slot)) continue;
    const found = obstacleOf(slot);
    if (found === null) return slot;
    obstacle ??= found;
  }
  if (obstacle === null) {
    throw new RelayError('conflict', `all ${MAX_SLOT} slots for relays are taken`, {
      hint: 'leave one: agent leave RELAY',
    });
  }
  throw new RelayError('conflict', `other programs of this machine leave no slot for a relay: ${obstacle}`, {
    hint: `homeward needs a value of its own of the mark's bits 0x${MARK_MASK.toString(16)}; let the other program use other bits`,
  });
}

/** Adds a relay in the place of a revoked one of the same controller or slot. */
export function addRelay(state: BackendState, relay: RelayRecord): BackendState {
  const others = state.relays.filter(
    (other) => other.controllerKey !== relay.controllerKey && other.slot !== relay.slot,
  );
  return { ...state, relays: [...others, relay] };
}

export function removeRelay(state: BackendState, controllerKey: string): BackendState {
  return { ...state, relays: state.relays.filter((relay) => relay.controllerKey !== controllerKey) };
}

/** Ends the pairing on the relay's word: its offer and its keys are forgotten. */
export function revokeRelay(state: BackendState, controllerKey: string): BackendState {
  return changed(state, controllerKey, (relay) => ({ ...relay, revoked: true, accepted: null, fallback: null }));
}

export function withAccepted(state: BackendState, controllerKey: string, accepted: AcceptedOffer | null): BackendState {
  return changed(state, controllerKey, (relay) => ({ ...relay, accepted }));
}

/** Where the relay is called from now on; nothing changes where no offer was taken yet. */
export function withEndpointHost(state: BackendState, controllerKey: string, endpointHost: string): BackendState {
  return changed(state, controllerKey, (relay) =>
    relay.accepted === null ? relay : { ...relay, accepted: { ...relay.accepted, endpointHost } },
  );
}

/** Whether a relay's tunnel goes by that device of the owner's. */
export function isReachedBy({ device, accepted }: RelayRecord, { name }: Pick<OwnersDevice, 'name'>): boolean {
  return accepted?.offer.tunnel.kind === 'external' && device?.name === name;
}

/** Names the device that leads to a relay. Throws `conflict` for one that leads to another relay, or is homeward's own. */
export function withDevice(state: BackendState, controllerKey: string, device: OwnersDevice): BackendState {
  if (isHomewardLink(device.name)) {
    throw new RelayError('conflict', `${device.name} is a device of homeward's own`, {
      hint: 'name the one that somebody else made; see what there is: ip link',
    });
  }
  const other = pairedRelays(state).find((one) => one.controllerKey !== controllerKey && isReachedBy(one, device));
  if (other !== undefined) {
    throw new RelayError('conflict', `${device.name} leads to the relay in slot ${other.slot} already`, {
      hint: 'of two relays behind one device it cannot be told whom a reply is for; name another one',
    });
  }
  return changed(state, controllerKey, (relay) => ({ ...relay, device }));
}

/** The link of a relay's tunnel at this backend. */
export function tunnelLink({ slot, device, accepted }: RelayRecord): string {
  const isOwners = accepted?.offer.tunnel.kind === 'external' && device !== null;
  return isOwners ? device.name : slotNumbers(slot).link;
}

export function withUrls(
  state: BackendState,
  controllerKey: string,
  name: string,
  urls: readonly string[],
): BackendState {
  return changed(state, controllerKey, (relay) => ({ ...relay, name, urls: [...urls] }));
}

export function changed(
  state: BackendState,
  controllerKey: string,
  change: (relay: RelayRecord) => RelayRecord,
): BackendState {
  return {
    ...state,
    relays: state.relays.map((relay) => (relay.controllerKey === controllerKey ? change(relay) : relay)),
  };
}

/** The state as it would be with offers that are being tried on: what is stored stays the last good one. */
export function withTrials(state: BackendState, trials: ReadonlyMap<string, AcceptedOffer>): BackendState {
  return [...trials].reduce((next, [controllerKey, accepted]) => withAccepted(next, controllerKey, accepted), state);
}
