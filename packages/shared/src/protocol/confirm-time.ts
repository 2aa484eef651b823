/** How long a change of tunnels may wait to be confirmed, milliseconds. */

/** An offer, a handshake and a round of probes take some seconds; half a minute without services is bearable. */
export const DEFAULT_CONFIRM_MS = 30_000;

/** Below, no probe would come to its end; above, somebody would better look than wait. */
export const CONFIRM_BOUNDS_MS = { least: 5_000, most: 600_000 } as const;
