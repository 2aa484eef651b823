/** What a change of the backend's state means to the audit log. Pure. */

import { isDeepStrictEqual } from 'node:util';
import { someForwards } from '@homeward/shared/audit/events';
import type { AuditEntry } from '@homeward/shared/audit/record';
import { fingerprint } from '@homeward/shared/session/keys';
import type { BackendState, RelayRecord } from './state.js';

export function stateChanges(before: BackendState, after: BackendState): AuditEntry[] {
  const keys = new Set(after.relays.map(({ controllerKey }) => controllerKey));
  const former = new Map(before.relays.map((relay) => [relay.controllerKey, relay]));
  return [
    ...before.relays
      .filter(({ controllerKey, revoked }) => !keys.has(controllerKey) && !revoked)
      .map(({ name }): AuditEntry => ({ event: 'unpaired', subject: name, details: {} })),
    ...after.relays.flatMap((relay) => relayChanges(former.get(relay.controllerKey), relay)),
  ];
}

function relayChanges(before: RelayRecord | undefined, relay: RelayRecord): AuditEntry[] {
  if (before === relay) return [];
  const { name: subject, tokenId, controllerKey, revoked, device, accepted } = relay;
  const isNew = before === undefined || before.tokenId !== tokenId;
  return [
    ...(isNew ? [{ event: 'enrolled' as const, subject, details: { tokenId, key: fingerprint(controllerKey) } }] : []),
    ...(revoked && before?.revoked === false ? [{ event: 'unpaired' as const, subject, details: {} }] : []),
    ...(isNew || before.name === subject
      ? []
      : [{ event: 'renamed' as const, subject: before.name, details: { to: subject } }]),
    ...(device === null || isDeepStrictEqual(before?.device ?? null, device)
      ? []
      : [{ event: 'device-changed' as const, subject, details: { device: device.name } }]),
    ...(accepted === null || isDeepStrictEqual(before?.accepted ?? null, accepted)
      ? []
      : [offerApplied(subject, accepted)]),
  ];
}

function offerApplied(subject: string, { offer, endpointHost }: NonNullable<RelayRecord['accepted']>): AuditEntry {
  const { revision, tunnel, forwards } = offer;
  const details = { revision, tunnel: tunnel.kind, ...someForwards(forwards) };
  return { event: 'offer-applied', subject, address: endpointHost, details };
}
