/** What a backend remembers: its identity, and for each relay the keys, the slot and the last good offer. The schema is the file's format; fields with a default came later. */

import { LINK_NAME_PATTERN } from '@homeward/shared/net/names';
import { offerSchema } from '@homeward/shared/protocol/messages';
import { z } from 'zod';

const acceptedOffer = z.strictObject({
  offer: offerSchema,
  endpointHost: z.string(),
  /** This backend's address towards it, where it was known. */
  localHost: z.string().optional(),
});

export const relaySchema = z.strictObject({
  /** 1 to 255: link, mark, table and rules at this backend. */
  slot: z.int().min(1).max(255),
  /** The name the relay knows this backend by. */
  name: z.string(),
  /** The relay's static key, base64, as its token pinned it. */
  controllerKey: z.string(),
  /** The token it was enrolled with: one that was used does not enroll again by itself. */
  tokenId: z.string(),
  urls: z.array(z.string()),
  wireguard: z.strictObject({ publicKey: z.string(), privateKey: z.string() }),
  /** The device that leads to the relay by a tunnel of somebody else's, and the next machine on it where that must be said; null for tunnels of ours. */
  device: z
    .strictObject({ name: z.string().regex(LINK_NAME_PATTERN), gateway: z.string().nullable() })
    .nullable()
    .default(null),
  /** Applied at boot before the network is reached; null until the first was applied. */
  accepted: acceptedOffer.nullable(),
  /**
   * Set while an offer with another tunnel waits to be confirmed, and until all is as before where it was not: what is gone
   * back to, and the guard's name of the change.
   */
  fallback: z
    .strictObject({ accepted: acceptedOffer, change: z.string(), confirmMs: z.int().min(1) })
    .nullable()
    .default(null),
  /** The relay has ended the pairing: kept only so that `status` can tell. */
  revoked: z.boolean(),
});

export const stateSchema = z.strictObject({
  version: z.literal(1),
  identity: z.strictObject({ publicKey: z.string(), secretKey: z.string() }),
  /** Port of the probe echo, kept so that a restart changes nothing in the kernel; null before the first run. */
  echoPort: z.int().min(1).max(65_535).nullable(),
  relays: z.array(relaySchema),
});

export type RelayRecord = z.infer<typeof relaySchema>;
export type OwnersDevice = NonNullable<RelayRecord['device']>;
export type BackendState = z.infer<typeof stateSchema>;
export type AcceptedOffer = NonNullable<RelayRecord['accepted']>;
