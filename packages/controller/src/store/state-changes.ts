/** What a change of the relay's state means to the audit log. Pure. */

import { someForwards } from '@homeward/shared/audit/events';
import type { AuditEntry } from '@homeward/shared/audit/record';
import { fingerprint } from '@homeward/shared/session/keys';
import { tunnelText } from '@homeward/shared/tunnel/tunnel-spec';
import type { Pairing, RelayState, TokenRecord } from './state.js';
import { tokenSubject } from './tokens.js';
import { formerTunnel, isSameTunnel } from './tunnel-changes.js';

export function stateChanges(before: RelayState, after: RelayState): AuditEntry[] {
  // A pairing keeps its index as long as it lives.
  const pairings = new Map(before.pairings.map((pairing) => [pairing.index, pairing]));
  const left = new Set(after.pairings.map(({ index }) => index));
  const tokens = new Map(before.tokens.map((token) => [token.id, token]));
  return [
    ...before.pairings
      .filter(({ index }) => !left.has(index))
      .map(({ name }): AuditEntry => ({ event: 'unpaired', subject: name, details: {} })),
    ...after.tokens.flatMap((token) => tokenChanges(tokens.get(token.id), token, after)),
    ...after.pairings.flatMap((pairing) => pairingChanges(pairings.get(pairing.index), pairing)),
  ];
}

function tokenChanges(before: TokenRecord | undefined, token: TokenRecord, { pairings }: RelayState): AuditEntry[] {
  if (before === token) return [];
  const { id: tokenId, expiresAt, usesLeft, usedBy, revokedAt } = token;
  const subject = tokenSubject(token);
  const uses = usedBy.slice(before?.usedBy.length ?? 0);
  return [
    ...(before === undefined
      ? [{ event: 'token-created' as const, subject, details: { tokenId, uses: usesLeft + usedBy.length, expiresAt } }]
      : []),
    ...uses.map(({ agentKey, from }) => ({
      event: 'enrolled' as const,
      subject: pairings.find((pairing) => pairing.agentKey === agentKey)?.name ?? subject,
      address: from,
      details: { tokenId, key: fingerprint(agentKey) },
    })),
    ...(revokedAt !== null && before?.revokedAt === null
      ? [{ event: 'token-revoked' as const, subject, details: { tokenId } }]
      : []),
  ];
}

function pairingChanges(before: Pairing | undefined, pairing: Pairing): AuditEntry[] {
  if (before === pairing) return [];
  const { name: subject, forwards } = pairing;
  const former = before?.forwards ?? [];
  const [had, has] = [new Set(former), new Set(forwards)];
  const added = former === forwards ? [] : forwards.filter((forward) => !had.has(forward));
  const removed = former === forwards ? [] : former.filter((forward) => !has.has(forward));
  const texts = (list: typeof forwards) => someForwards(list.map(({ spec }) => spec));
  return [
    ...(before === undefined || before.name === subject
      ? []
      : [{ event: 'renamed' as const, subject: before.name, details: { to: subject } }]),
    ...(added.length === 0 ? [] : [{ event: 'forwards-added' as const, subject, details: texts(added) }]),
    ...(removed.length === 0 ? [] : [{ event: 'forwards-removed' as const, subject, details: texts(removed) }]),
    ...(before === undefined ? [] : tunnelChanges(before, pairing)),
  ];
}

function tunnelChanges(before: Pairing, { name: subject, tunnel, fallback }: Pairing): AuditEntry[] {
  const [from, to] = [tunnelText(before.tunnel), tunnelText(tunnel)];
  if (!isSameTunnel(before.tunnel, tunnel)) {
    const isBack = before.fallback !== null && isSameTunnel(before.fallback.tunnel, tunnel);
    return [{ event: isBack ? 'tunnel-rolled-back' : 'tunnel-changed', subject, details: { from, to } }];
  }
  // Settled after it was gone back, nothing is kept: that was told.
  const isKept = formerTunnel(before) !== null && fallback === null;
  return isKept ? [{ event: 'tunnel-kept', subject, details: { tunnel: to } }] : [];
}
