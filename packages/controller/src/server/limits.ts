/** The bounds on what a stranger may cost the relay, each with its reason. */

import { DEAD_AFTER_MS, PING_INTERVAL_MS } from '@homeward/shared/session/heartbeat';

export interface Limits {
  /** Sockets that have not proven a known key yet. With `strangerBytes` each they make 3 MiB, which any relay has. */
  readonly pendingSockets: number;
  /** Of those, from one address or IPv6 /64: a household behind one address reconnects its few agents at once. */
  readonly pendingPerAddress: number;
  /** Of `pendingSockets`, only for addresses that held a session before, so that a flood does not shut agents out. */
  readonly reservedForReturning: number;
  /** How many addresses are remembered as having held a session; the longest unseen is forgotten first. */
  readonly returningAddresses: number;
  /** From addresses that never held a session; more are hung up at once, so that whoever was here waits behind few. */
  readonly strangersPerSecond: number;
  /** Of those, from one address. */
  readonly strangersPerSecondPerAddress: number;
  /** A handshake costs 2 ms of one core: a flood gets a fifth of it and no more. */
  readonly handshakesPerSecond: number;
  /** Of those, only for addresses that held a session before: many sources together cannot use the whole allowance up. */
  readonly handshakesForReturning: number;
  /** From one address that never held a session: one source alone cannot use the strangers' allowance up. */
  readonly handshakesPerSecondPerStranger: number;
  /** From TCP accept to a proven key: ten round trips over a bad line, and too short to collect idle sockets. */
  readonly authenticationTimeoutMs: number;
  /** HTTP request head: an honest one has 300 bytes, a reverse proxy adds some headers. */
  readonly requestHeadBytes: number;
  /** All that a peer may send before it is known: a request head, a handshake and a first message of 4 KiB, framed. */
  readonly strangerBytes: number;
  /** Parts of one websocket message: ours have one, a proxy may cut at any kilobyte. A part of one byte costs 100. */
  readonly fragments: number;
  readonly pingIntervalMs: number;
  readonly deadAfterMs: number;
  /** Changes between two boot ids of one key within `cloneWindowMs` that make it a cloned key. */
  readonly cloneSwaps: number;
  /** A machine does not boot three times in a minute, and never back into an earlier boot. */
  readonly cloneWindowMs: number;
  /** How long a cloned key is refused; afterwards it may have been mended, else it is seen and reported again. */
  readonly cloneHoldMs: number;
}

export const DEFAULT_LIMITS: Limits = {
  pendingSockets: 256,
  pendingPerAddress: 16,
  reservedForReturning: 32,
  returningAddresses: 1024,
  strangersPerSecond: 100,
  strangersPerSecondPerAddress: 30,
  handshakesPerSecond: 100,
  handshakesForReturning: 30,
  handshakesPerSecondPerStranger: 20,
  authenticationTimeoutMs: 5000,
  requestHeadBytes: 4096,
  strangerBytes: 12 * 1024,
  fragments: 64,
  pingIntervalMs: PING_INTERVAL_MS,
  deadAfterMs: DEAD_AFTER_MS,
  cloneSwaps: 3,
  cloneWindowMs: 60_000,
  cloneHoldMs: 60_000,
};
