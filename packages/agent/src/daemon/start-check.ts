/** Whether a start makes sense: with a pairing, or with a token that was not used before. Pure. */

import { RelayError } from '@homeward/shared/errors/relay-error';
import type { Secret } from '@homeward/shared/net/secret';
import { parseToken } from '@homeward/shared/session/token';
import { pairedRelays } from '../store/relays.js';
import type { BackendState } from '../store/state.js';

/** Throws `bad-input`, saying how to get a token, for a backend that has nothing to do. */
export function refuseIdleStart(state: BackendState, token: Secret | null): void {
  if (pairedRelays(state).length > 0 || (token !== null && needsEnrollment(state, token))) return;
  const revoked = state.relays.find((relay) => relay.revoked);
  const why =
    revoked === undefined
      ? 'this backend is paired with no relay'
      : `the relay ${revoked.urls[0] ?? ''} has ended its pairing with this backend`;
  throw new RelayError('bad-input', `${why}, and no unused token was given`, {
    hint: 'at the relay run: controller pair NAME; then here: agent enroll',
  });
}

/** A token that was used before does not bring a revoked backend back. */
export function needsEnrollment(state: BackendState, tokenText: Secret): boolean {
  const token = parseToken(tokenText.reveal());
  return !state.relays.some(
    (relay) => relay.controllerKey === token.controllerKey && (!relay.revoked || relay.tokenId === token.id),
  );
}
