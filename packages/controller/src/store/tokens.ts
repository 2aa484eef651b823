/** Enroll tokens: made, burnt and revoked as pure changes of the state. */

import { timingSafeEqual } from 'node:crypto';
import { RelayError } from '@homeward/shared/errors/relay-error';
import { hashTokenSecret } from '@homeward/shared/session/token';
import type { EnrollRequest } from '../server/agent-session.js';
import { addPairing, freeBackendName, pairingNamed, withPairing } from './pairings.js';
import type { Pairing, RelayState, TokenRecord } from './state.js';

/** A token as it is made: nobody has used it. */
export type FreshToken = Omit<TokenRecord, 'usesLeft' | 'usedBy' | 'revokedAt'> & { readonly uses: number };

export type TokenCondition = 'valid' | 'used-up' | 'expired' | 'revoked';

/**
 * How long a token is kept after it has expired or was revoked: the list shows who came by it, and an agent whose
 * answer was lost may ask again. 7 days, so that one who was offline over a holiday still gets its answer.
 */
const KEPT_MS = 7 * 86_400_000;

/** A message stays readable; `token list` has them all. */
const MOST_CANDIDATES = 8;

/** Adds a token; earlier ones for the same backend are void, and those that are worthless for long are forgotten. */
export function addToken(state: RelayState, { uses, ...token }: FreshToken): RelayState {
  const nowMs = Date.parse(token.createdAt);
  const kept = state.tokens.filter(
    (other) =>
      (token.name === null || other.name !== token.name) &&
      Date.parse(other.revokedAt ?? other.expiresAt) + KEPT_MS > nowMs,
  );
  return { ...state, tokens: [...kept, { ...token, usesLeft: uses, usedBy: [], revokedAt: null }] };
}

export function tokenCondition(token: TokenRecord, now: Date): TokenCondition {
  if (token.revokedAt !== null) return 'revoked';
  if (token.usesLeft < 1) return 'used-up';
  return now.toISOString() >= token.expiresAt ? 'expired' : 'valid';
}

/** The token whose id begins so; throws `not-found` or, where several do, `bad-input`, listing the candidates. */
export function tokenWithId(state: RelayState, idStart: string): TokenRecord {
  const matching = idStart === '' ? [] : state.tokens.filter((token) => token.id.startsWith(idStart));
  const [found] = matching;
  if (found !== undefined && matching.length === 1) return found;
  if (found !== undefined) {
    throw new RelayError('bad-input', `"${idStart}" is the beginning of several tokens`, {
      hint: `which one? ${candidates(matching)}`,
    });
  }
  throw new RelayError('not-found', `there is no token "${idStart}"`, {
    hint:
      state.tokens.length === 0
        ? 'there are none; make one: controller token create NAME'
        : `there are: ${candidates(state.tokens)}`,
  });
}

function candidates(tokens: readonly TokenRecord[]): string {
  const named = tokens.slice(0, MOST_CANDIDATES).map((token) => `${token.id} (${tokenSubject(token)})`);
  return [...named, ...(tokens.length > named.length ? ['…'] : [])].join(', ');
}

/** Whom a token is for, as people read it: `home`, or `web-*` for all of a prefix. */
export function tokenSubject(token: Pick<TokenRecord, 'name' | 'namePrefix'>): string {
  return token.name ?? `${token.namePrefix}-*`;
}

/** Lets nobody else in by this token. Who came by it stays, and may still ask for an answer that was lost. */
export function revokeToken(state: RelayState, id: string, at: Date): RelayState {
  const token = state.tokens.find((candidate) => candidate.id === id);
  if (token === undefined || token.revokedAt !== null) return state;
  return withToken(state, { ...token, revokedAt: at.toISOString() });
}

/**
 * Burns the token, makes the pairing where its token has a prefix, and binds the agent's key, in one change. Null, with
 * the state as it was, for every reason of refusal alike. The key that already used a token gets the same answer again.
 * `presharedKey` is for a new pairing. Throws `conflict` when the pool has no place for one.
 */
export function enroll(
  state: RelayState,
  request: EnrollRequest,
  now: Date,
  presharedKey: string,
): { state: RelayState; result: { name: string } | null } {
  const refused = { state, result: null };
  const token = state.tokens.find((candidate) => candidate.id === request.tokenId);
  if (token === undefined || !secretMatches(token, request.secret)) return refused;
  const bound = state.pairings.find((candidate) => candidate.agentKey === request.agentKey);
  if (bound !== undefined) {
    const isAskedAgain = token.usedBy.some((use) => use.agentKey === request.agentKey);
    return isAskedAgain ? { state, result: { name: bound.name } } : refused;
  }
  if (tokenCondition(token, now) !== 'valid') return refused;
  const awaited = awaitedPairing(state, token, request.agentKey, presharedKey);
  if (awaited === null) return refused;
  return {
    state: bind(awaited.state, token, awaited.pairing, request, now),
    result: { name: awaited.pairing.name },
  };
}

function secretMatches(token: TokenRecord, secret: Uint8Array): boolean {
  const expected = Buffer.from(token.secretHash);
  const given = Buffer.from(hashTokenSecret(secret));
  return expected.length === given.length && timingSafeEqual(expected, given);
}

/** The pairing that waits under the token's name, or a new one for its prefix; null when there is none for this key. */
function awaitedPairing(
  state: RelayState,
  token: TokenRecord,
  agentKey: string,
  presharedKey: string,
): { state: RelayState; pairing: Pairing } | null {
  if (token.name !== null) {
    const pairing = state.pairings.find((candidate) => candidate.name === token.name);
    return pairing === undefined || pairing.agentKey !== null ? null : { state, pairing };
  }
  // A backend that was unpaired comes back by a token made for it, not by one that is for any machine.
  if (token.namePrefix === null || state.revoked.some((entry) => entry.agentKey === agentKey)) return null;
  const name = freeBackendName(state, token.namePrefix);
  const grown = addPairing(state, name, presharedKey);
  return { state: grown, pairing: pairingNamed(grown, name) };
}

function bind(state: RelayState, token: TokenRecord, pairing: Pairing, request: EnrollRequest, now: Date): RelayState {
  const use = { agentKey: request.agentKey, at: now.toISOString(), from: request.from };
  const burnt = { ...token, usesLeft: token.usesLeft - 1, usedBy: [...token.usedBy, use] };
  const bound = withPairing(state, { ...pairing, agentKey: request.agentKey, wireguardPublicKey: null, applied: null });
  return {
    ...withToken(bound, burnt),
    revoked: bound.revoked.filter((entry) => entry.agentKey !== request.agentKey),
  };
}

function withToken(state: RelayState, changed: TokenRecord): RelayState {
  return { ...state, tokens: state.tokens.map((token) => (token.id === changed.id ? changed : token)) };
}
