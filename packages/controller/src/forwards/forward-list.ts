/** A backend's list of forwards with some more or some less. Pure. */

import { RelayError } from '@homeward/shared/errors/relay-error';
import { type Forward, isWhole, placeOf, withTransports } from '@homeward/shared/net/forward-spec';

/** More than this many are counted, not listed, in a message. */
const LISTED = 20;

/** The forwards with more; the same list when they are there already, also as parts of others. Adding 53/udp to 53/tcp gives 53/tcp+udp; an `all` takes the place of one with other exceptions. */
export function withForwardsAdded(forwards: readonly Forward[], added: readonly Forward[]): readonly Forward[] {
  const byPlace = new Map(forwards.map((forward) => [placeOf(forward), forward]));
  let isChanged = false;
  for (const forward of added) {
    const place = placeOf(forward);
    const present = byPlace.get(place);
    const merged =
      present === undefined || isWhole(forward)
        ? forward
        : withTransports(present, [...present.transports, ...forward.transports]);
    if (merged === null || merged.spec === present?.spec) continue;
    byPlace.set(place, merged);
    isChanged = true;
  }
  return isChanged ? [...byPlace.values()] : forwards;
}

/** The forwards without some; removing 53/udp from 53/tcp+udp leaves 53/tcp. Throws `not-found` when nothing of one is set. */
export function withForwardsRemoved(
  backend: string,
  forwards: readonly Forward[],
  removed: readonly Forward[],
): readonly Forward[] {
  const byPlace = new Map(forwards.map((forward) => [placeOf(forward), forward]));
  for (const unwanted of removed) {
    const place = placeOf(unwanted);
    const present = byPlace.get(place);
    const left = present?.transports.filter((transport) => !unwanted.transports.includes(transport));
    if (present === undefined || left?.length === present.transports.length) {
      throw noSuchForward(backend, [...byPlace.values()], unwanted);
    }
    const remaining = isWhole(present) ? null : withTransports(present, left ?? []);
    if (remaining === null) byPlace.delete(place);
    else byPlace.set(place, remaining);
  }
  return [...byPlace.values()];
}

function noSuchForward(backend: string, forwards: readonly Forward[], unwanted: Forward): RelayError {
  const covering = forwards.find(
    (forward) =>
      !isWhole(forward) &&
      forward.address === unwanted.address &&
      forward.publicPorts.first <= unwanted.publicPorts.first &&
      unwanted.publicPorts.last <= forward.publicPorts.last &&
      unwanted.transports.some((transport) => forward.transports.includes(transport)),
  );
  const specs = forwards.map(({ spec }) => spec);
  const rest = specs.length > LISTED ? ` and ${specs.length - LISTED} more` : '';
  const present = specs.length === 0 ? 'it has none' : `it has: ${specs.slice(0, LISTED).join(' ')}${rest}`;
  return new RelayError('not-found', `backend "${backend}" has no forward ${unwanted.spec}`, {
    hint:
      covering === undefined
        ? present
        : `it is part of ${covering.spec}, which goes as a whole: controller forward remove ${backend} ${covering.spec}`,
  });
}
