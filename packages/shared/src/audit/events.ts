/** Everything the audit log tells, with what each event tells besides who, from where and how it ended. */

/** Details by event: small plain values, never a secret; keys stand as fingerprints. */
export interface AuditDetails {
  /** The daemon. */
  started: { readonly version: string };
  stopped: Record<never, never>;
  'token-created': { readonly tokenId: string; readonly uses: number; readonly expiresAt: string };
  'token-revoked': { readonly tokenId: string };
  /** A backend came by a token; `key` is the agent's. */
  enrolled: { readonly tokenId: string; readonly key: string };
  'enroll-refused': { readonly tokenId: string; readonly key: string };
  /** A connection that never proved a key that is known. */
  'handshake-refused': Record<never, never>;
  'session-opened': { readonly key: string };
  /** A key that is revoked, or used by two machines. */
  'session-refused': { readonly key: string };
  'session-ended': { readonly key: string };
  /** `controller pair` to its end. */
  paired: { readonly proven: boolean };
  unpaired: Record<never, never>;
  renamed: { readonly to: string };
  'forwards-added': Forwards;
  'forwards-removed': Forwards;
  'tunnel-changed': { readonly from: string; readonly to: string };
  /** It has proven itself. */
  'tunnel-kept': { readonly tunnel: string };
  'tunnel-rolled-back': { readonly from: string; readonly to: string };
  exported: { readonly file: string };
  imported: { readonly backends: number };
  /** A command of the daemon, which says why. */
  'command-failed': { readonly command: string };
  'policy-reloaded': Record<never, never>;
  /** What a relay wants of this backend. */
  'offer-applied': Forwards & { readonly revision: number; readonly tunnel: string };
  /** By the owner's policy, or because this machine cannot have it. */
  'offer-refused': { readonly revision: number };
  /** It could not be applied; the last good one was put back. */
  'offer-rolled-back': { readonly revision: number };
  /** By the owner's policy, out of an offer that was taken. */
  'forwards-refused': Forwards;
  'device-changed': { readonly device: string };
  down: Record<never, never>;
  /** Entries that could not be written. */
  'records-lost': { readonly count: number };
}

/** The first of them, and how many there are. */
export interface Forwards {
  readonly forwards: readonly string[];
  readonly total: number;
}

export type AuditEvent = keyof AuditDetails;

/** Each event in words for people, after its time. */
export const EVENT_WORDS = {
  started: 'daemon started',
  stopped: 'daemon stopped',
  'token-created': 'token created',
  'token-revoked': 'token revoked',
  enrolled: 'enrolled',
  'enroll-refused': 'enrollment refused',
  'handshake-refused': 'handshake refused',
  'session-opened': 'session opened',
  'session-refused': 'session refused',
  'session-ended': 'session ended',
  paired: 'paired',
  unpaired: 'unpaired',
  renamed: 'renamed',
  'forwards-added': 'forwards added',
  'forwards-removed': 'forwards removed',
  'tunnel-changed': 'tunnel changed',
  'tunnel-kept': 'tunnel kept',
  'tunnel-rolled-back': 'tunnel rolled back',
  exported: 'exported',
  imported: 'imported',
  'command-failed': 'command failed',
  'policy-reloaded': 'policy reloaded',
  'offer-applied': 'offer applied',
  'offer-refused': 'offer refused',
  'offer-rolled-back': 'offer rolled back',
  'forwards-refused': 'forwards refused',
  'device-changed': 'device changed',
  down: 'taken down',
  'records-lost': 'entries lost',
} as const satisfies Record<AuditEvent, string>;

/** A list of ten thousand forwards is told by its first ones: a line stays short. */
const MOST_FORWARDS = 32;

export function someForwards(specs: readonly string[]): Forwards {
  return { forwards: specs.slice(0, MOST_FORWARDS), total: specs.length };
}
