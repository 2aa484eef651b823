/** Enroll tokens: made, burnt and revoked as pure changes of the state. */

import { timingSafeEqual } from 'node:crypto';
import { hashTokenSecret } from '@homeward/shared/session/token';
import type { EnrollRequest } from '../server/agent-session.js';
import { withPairing } from './pairings.js';
import type { Pairing, RelayState, TokenRecord } from './state.js';

/** Adds a single-use token for a backend and revokes its earlier ones. */
export function addToken(state: RelayState, token: Omit<TokenRecord, 'usesLeft' | 'usedBy'>): RelayState {
  const others = state.tokens.filter((other) => other.name !== token.name);
  return { ...state, tokens: [...others, { ...token, usesLeft: 1, usedBy: [] }] };
}

/**
 * Burns the token and binds the agent's key to its pairing in one change. Null, with the state as it was, for every
 * reason of refusal alike. The key that already used a token gets the same answer again.
 */
export function enroll(
  state: RelayState,
  request: EnrollRequest,
  now: Date,
): { state: RelayState; result: { name: string } | null } {
  const refused = { state, result: null };
  const token = state.tokens.find((candidate) => candidate.id === request.tokenId);
  if (token === undefined || !secretMatches(token, request.secret)) return refused;
  const pairing = state.pairings.find((candidate) => candidate.name === token.name);
  if (pairing === undefined) return refused;
  if (pairing.agentKey === request.agentKey && token.usedBy.some((use) => use.agentKey === request.agentKey)) {
    return { state, result: { name: pairing.name } };
  }
  const boundElsewhere = state.pairings.some((other) => other.agentKey === request.agentKey);
  if (now.toISOString() >= token.expiresAt || token.usesLeft < 1 || pairing.agentKey !== null || boundElsewhere) {
    return refused;
  }
  return { state: bind(state, token, pairing, request, now), result: { name: pairing.name } };
}

function secretMatches(token: TokenRecord, secret: Uint8Array): boolean {
  const expected = Buffer.from(token.secretHash);
  const given = Buffer.from(hashTokenSecret(secret));
  return expected.length === given.length && timingSafeEqual(expected, given);
}

function bind(state: RelayState, token: TokenRecord, pairing: Pairing, request: EnrollRequest, now: Date): RelayState {
  const use = { agentKey: request.agentKey, at: now.toISOString(), from: request.from };
  const burnt = { ...token, usesLeft: token.usesLeft - 1, usedBy: [...token.usedBy, use] };
  const bound = withPairing(state, { ...pairing, agentKey: request.agentKey, wireguardPublicKey: null, applied: null });
  return {
    ...bound,
    tokens: bound.tokens.map((other) => (other.id === token.id ? burnt : other)),
    revoked: bound.revoked.filter((entry) => entry.agentKey !== request.agentKey),
  };
}
