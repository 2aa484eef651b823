/** Trading a token for a pairing, in the daemon or without one. */

import type { Audit } from '@homeward/shared/audit/audit-log';
import { auditedStore } from '@homeward/shared/audit/audited-store';
import { RelayError, toRelayError } from '@homeward/shared/errors/relay-error';
import type { Store } from '@homeward/shared/host/store';
import { Secret } from '@homeward/shared/net/secret';
import { fingerprint, generateKeyPair, keyPairFromSecret } from '@homeward/shared/session/keys';
import { parseToken, type Token } from '@homeward/shared/session/token';
import { type Claims, slotObstacle } from '../desired/slot-obstacles.js';
import { dialList } from '../link/dial-list.js';
import { enrollOnce } from '../link/enroll.js';
import { addRelay, freeSlot, pairedRelays } from '../store/relays.js';
import type { BackendState, OwnersDevice } from '../store/state.js';
import { stateChanges } from '../store/state-changes.js';

export interface Enrollment {
  readonly name: string;
  readonly slot: number;
  readonly url: string;
  /** Of this backend's key; the relay prints the same. */
  readonly fingerprint: string;
  readonly controllerKey: string;
}

/** A fresh state with an identity of its own. */
export function firstState(): BackendState {
  const identity = generateKeyPair();
  return {
    version: 1,
    identity: { publicKey: identity.publicKey, secretKey: identity.secretKey.reveal() },
    echoPort: null,
    relays: [],
  };
}

/** Throws `bad-input` for a damaged token, `conflict` where this backend is paired with its relay or others leave no slot, `refused`, `unreachable`, `timeout`. */
export async function enroll(
  unaudited: Store<BackendState>,
  tokenText: Secret,
  timeoutMs: number,
  claims: Claims,
  device: OwnersDevice | null,
  audit: Audit,
  signal: AbortSignal,
): Promise<Enrollment> {
  const store = auditedStore(unaudited, audit, stateChanges);
  const token = parseToken(tokenText.reveal());
  const { identity } = store.state();
  refusePaired(store.state(), token);
  // Before the token is used up.
  slotFor(store.state(), claims);
  const enrolled = await enrollOnce(
    {
      identity: keyPairFromSecret(new Secret(identity.secretKey)),
      controllerKey: token.controllerKey,
      ticket: { tokenId: token.id, secret: token.secret },
      urls: token.urls,
      timeoutMs,
    },
    signal,
  ).catch((error: unknown) => {
    recordRefusal(audit, token, error);
    throw error;
  });
  const urls = dialList({ told: enrolled.urls, known: token.urls, working: null });
  const slot = await store.update((state) => {
    // Somebody else may have used the same token meanwhile.
    refusePaired(state, token);
    const free = slotFor(state, claims);
    return { state: addRelay(state, relayRecord(token, free, enrolled.name, urls, device)), result: free };
  });
  return {
    name: enrolled.name,
    slot,
    url: enrolled.url,
    fingerprint: fingerprint(identity.publicKey),
    controllerKey: token.controllerKey,
  };
}

/** The relay's word, which it gave after it had proven its key. */
function recordRefusal(audit: Audit, { id, controllerKey, urls }: Token, error: unknown): void {
  const { code, message } = toRelayError(error);
  if (code !== 'refused') return;
  const details = { tokenId: id, key: fingerprint(controllerKey) };
  audit.record({ event: 'enroll-refused', subject: urls[0] ?? null, outcome: 'refused', reason: message, details });
}

function refusePaired(state: BackendState, token: Token): void {
  const paired = pairedRelays(state).find((relay) => relay.controllerKey === token.controllerKey);
  if (paired === undefined) return;
  throw new RelayError('conflict', `this backend is already paired with that relay, as "${paired.name}"`, {
    hint: `to pair anew, leave it first: agent leave ${paired.name}`,
  });
}

function relayRecord(
  token: Token,
  slot: number,
  name: string,
  urls: readonly string[],
  device: OwnersDevice | null,
): BackendState['relays'][number] {
  const wireguard = generateKeyPair();
  return {
    slot,
    name,
    controllerKey: token.controllerKey,
    tokenId: token.id,
    urls: [...urls],
    wireguard: { publicKey: wireguard.publicKey, privateKey: wireguard.secretKey.reveal() },
    device,
    accepted: null,
    fallback: null,
    revoked: false,
  };
}

/** Throws `conflict` where there is none. */
function slotFor(state: BackendState, claims: Claims): number {
  const own = pairedRelays(state).map(({ slot }) => slot);
  return freeSlot(state, (slot) => slotObstacle(slot, claims, own));
}
