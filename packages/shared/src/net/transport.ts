/** The transports with ports. */

export type Transport = 'tcp' | 'udp';

export const TRANSPORTS: readonly Transport[] = ['tcp', 'udp'];

const PROTOCOLS: Record<string, readonly Transport[]> = {
  tcp: ['tcp'],
  udp: ['udp'],
  'tcp+udp': TRANSPORTS,
  'udp+tcp': TRANSPORTS,
};

/** `tcp`, `udp`, `tcp+udp` or `udp+tcp`, in the order tcp, udp; null for anything else. */
export function parseTransports(text: string): readonly Transport[] | null {
  return Object.hasOwn(PROTOCOLS, text) ? (PROTOCOLS[text] ?? null) : null;
}
