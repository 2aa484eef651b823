/** A tunnel of a status document as both sides' `status` tell it. */

interface ShownTunnel {
  readonly kind: string;
  readonly implementation: string | null;
  readonly lastHandshakeSeconds: number | null;
}

/** `wireguard (kernel)`; an external tunnel is somebody else's. */
export function tunnelState({ kind, implementation }: ShownTunnel): string {
  return kind === 'external' ? kind : `${kind} (${implementation ?? 'not set up'})`;
}

/** WireGuard's sign of life. */
export function handshakeText({ lastHandshakeSeconds }: ShownTunnel): string {
  return lastHandshakeSeconds === null ? 'no handshake yet' : `last handshake ${lastHandshakeSeconds} s ago`;
}
