/**
 * Tells when a WireGuard tunnel has gone silent. Keepalives make it shake hands every two minutes; after three its keys
 * are void (REKEY_AFTER_TIME and REJECT_AFTER_TIME, WireGuard's paper, 6.1). Pure but for what it remembers.
 */

/** Older keys carry nothing. */
const VOID_AFTER_MS = 180_000;

/** One that never was is missed sooner: nothing is lost by asking again. */
const NEVER_AFTER_MS = 30_000;

/** Two clocks: one that only goes on (ms), and the one handshakes are dated by (seconds since 1970), which may jump. */
export interface Clocks {
  readonly steadyMs: number;
  readonly unixSeconds: number;
}

export interface HandshakeWatch {
  /** Whether that link's last handshake, in seconds since 1970 or 0 for none, is too old. */
  isTooOld(link: string, latestHandshake: number, clocks: Clocks): boolean;
  /** Forgets what is known of the link: it has begun anew. */
  begins(link: string): void;
}

export function createHandshakeWatch(): HandshakeWatch {
  /** When each link's handshake was seen to change, by the steady clock. */
  const seen = new Map<string, { readonly handshake: number; readonly changedMs: number }>();
  return {
    isTooOld(link, latestHandshake, { steadyMs, unixSeconds }) {
      const known = seen.get(link);
      if (known?.handshake === latestHandshake) {
        return steadyMs - known.changedMs > (latestHandshake === 0 ? NEVER_AFTER_MS : VOID_AFTER_MS);
      }
      // Only of one that was never seen before its date has to tell; one from the future tells nothing.
      const ageMs =
        known === undefined && latestHandshake !== 0 ? Math.max(0, unixSeconds - latestHandshake) * 1000 : 0;
      seen.set(link, { handshake: latestHandshake, changedMs: steadyMs - ageMs });
      return ageMs > VOID_AFTER_MS;
    },
    begins: (link) => void seen.delete(link),
  };
}
