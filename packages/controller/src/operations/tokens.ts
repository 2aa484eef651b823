/** Enroll tokens: issued, listed, revoked. The secret leaves the relay once, when a token is issued. */

import { RelayError } from '@homeward/shared/errors/relay-error';
import { fingerprint } from '@homeward/shared/session/keys';
import { createToken, formatToken, hashTokenSecret, type Token } from '@homeward/shared/session/token';
import { newPresharedKey } from '../daemon/preshared-key.js';
import { addPairing } from '../store/pairings.js';
import type { RelayState, TokenRecord } from '../store/state.js';
import { addToken, revokeToken, type TokenCondition, tokenCondition, tokenWithId } from '../store/tokens.js';
import type { Relay } from './relay.js';
import { checkTokenRequest, type TokenRequest } from './token-request.js';

export interface IssuedToken {
  readonly id: string;
  /** The whole token, a secret. */
  readonly token: string;
  readonly name: string | null;
  readonly namePrefix: string | null;
  readonly uses: number;
  readonly expiresAt: string;
  /** What the backend will dial. */
  readonly urls: readonly string[];
  /** What is wrong with them where the backend is elsewhere. */
  readonly problem: string | null;
}

/** What is told of a token afterwards: everything but its secret. */
export interface TokenView {
  readonly id: string;
  readonly name: string | null;
  readonly namePrefix: string | null;
  readonly state: TokenCondition;
  readonly uses: number;
  readonly usesLeft: number;
  readonly createdAt: string;
  readonly expiresAt: string;
  readonly usedBy: readonly TokenUse[];
}

interface TokenUse {
  /** As the backend is called now, or was before it was unpaired. */
  readonly name: string;
  readonly paired: boolean;
  readonly fingerprint: string;
  readonly at: string;
  readonly from: string;
}

/** A token apart from `pair`; a name that is new is awaited from now on. Throws `conflict` for one that is paired. */
export function createEnrollToken(relay: Relay, request: TokenRequest): Promise<IssuedToken> {
  checkTokenRequest(request);
  const { name } = request;
  return issueToken(relay, request, relay.machine.endpoints(), (state) =>
    name === null ? state : withAwaited(state, name),
  );
}

function withAwaited(state: RelayState, name: string): RelayState {
  const pairing = state.pairings.find((candidate) => candidate.name === name);
  if (pairing === undefined) return addPairing(state, name, newPresharedKey());
  if (pairing.agentKey === null) return state;
  throw new RelayError('conflict', `backend "${name}" is paired already`, {
    hint: `take another name, or let another machine have this one: controller unpair ${name}, then repeat`,
  });
}

/** Stores a token together with what `prepare` changes, in one write. `urls` are what the backend will dial. */
export async function issueToken(
  relay: Relay,
  request: TokenRequest,
  urls: readonly string[],
  prepare: (state: RelayState) => RelayState = (state) => state,
): Promise<IssuedToken> {
  const { name, namePrefix, uses, expiresMs } = request;
  const token = typableToken(relay.store.state().identity.publicKey, urls);
  const now = relay.now();
  const expiresAt = new Date(now.getTime() + expiresMs).toISOString();
  const record = {
    id: token.id,
    secretHash: hashTokenSecret(Buffer.from(token.secret.reveal(), 'base64url')),
    createdAt: now.toISOString(),
    ...{ name, namePrefix, uses, expiresAt },
  };
  await relay.store.update((state) => ({ state: addToken(prepare(state), record), result: null }));
  relay.logger.info({ tokenId: token.id, name, namePrefix, uses, expiresAt }, 'token made');
  return {
    id: token.id,
    token: formatToken(token).reveal(),
    name,
    namePrefix,
    uses,
    expiresAt,
    urls,
    problem: relay.machine.endpointsProblem(),
  };
}

/** `token revoke -x…` would read as an option: an id that begins with a dash is drawn again. */
function typableToken(controllerKey: string, urls: readonly string[]): Token {
  const token = createToken(controllerKey, urls);
  return token.id.startsWith('-') ? typableToken(controllerKey, urls) : token;
}

export function listTokens(relay: Relay): { tokens: TokenView[] } {
  const state = relay.store.state();
  return { tokens: state.tokens.map((token) => tokenView(state, token, relay.now())) };
}

/** `idStart` is the id or its beginning; throws as `tokenWithId`. A token that is revoked already stays so. */
export async function revokeTokenById(relay: Relay, idStart: string): Promise<TokenView> {
  const now = relay.now();
  const id = await relay.store.update((state) => {
    const token = tokenWithId(state, idStart);
    return { state: revokeToken(state, token.id, now), result: token.id };
  });
  relay.logger.info({ tokenId: id }, 'token revoked');
  const state = relay.store.state();
  return tokenView(state, tokenWithId(state, id), now);
}

function tokenView(state: RelayState, token: TokenRecord, now: Date): TokenView {
  const { id, name, namePrefix, usesLeft, createdAt, expiresAt, usedBy } = token;
  return {
    ...{ id, name, namePrefix },
    state: tokenCondition(token, now),
    uses: usesLeft + usedBy.length,
    ...{ usesLeft, createdAt, expiresAt },
    usedBy: usedBy.map(({ agentKey, at, from }) => ({
      ...whoHas(state, agentKey),
      fingerprint: fingerprint(agentKey),
      ...{ at, from },
    })),
  };
}

/** A key that used a token is paired or was unpaired since: nothing else takes it out of the state. */
function whoHas(state: RelayState, agentKey: string): Pick<TokenUse, 'name' | 'paired'> {
  const paired = state.pairings.find((pairing) => pairing.agentKey === agentKey);
  if (paired !== undefined) return { name: paired.name, paired: true };
  const revoked = state.revoked.find((entry) => entry.agentKey === agentKey);
  return { name: revoked?.name ?? 'unknown', paired: false };
}
