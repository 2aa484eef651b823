/**
 * Tells when a WireGuard tunnel has gone silent. Keepalives make it shake hands every two minutes; after three its keys
 * are void (REKEY_AFTER_TIME and REJECT_AFTER_TIME, WireGuard's paper, 6.1). Only a clock that never jumps counts: the dates
 * that the kernel gives are compared for being others, not for their age. Pure but for what it remembers.
 */

/** Older keys carry nothing. */
const VOID_AFTER_MS = 180_000;

/** One that never was is missed sooner: nothing is lost by asking again. */
const NEVER_AFTER_MS = 30_000;

export interface HandshakeWatch {
  /** Whether that link's last handshake, in seconds since 1970 or 0 for none, has been the same for too long; `steadyMs` is now. */
  isTooOld(link: string, latestHandshake: number, steadyMs: number): boolean;
  /** Forgets what is known of the link: it has begun anew. */
  begins(link: string): void;
}

export function createHandshakeWatch(): HandshakeWatch {
  /** When each link's handshake was first seen. */
  const seen = new Map<string, { readonly handshake: number; readonly sinceMs: number }>();
  return {
    isTooOld(link, latestHandshake, steadyMs) {
      const known = seen.get(link);
      if (known?.handshake !== latestHandshake) {
        seen.set(link, { handshake: latestHandshake, sinceMs: steadyMs });
        return false;
      }
      return steadyMs - known.sinceMs > (latestHandshake === 0 ? NEVER_AFTER_MS : VOID_AFTER_MS);
    },
    begins: (link) => void seen.delete(link),
  };
}
