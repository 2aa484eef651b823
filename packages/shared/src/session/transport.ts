/** Whole messages as Noise transport messages: parts with a flag byte, 0 for the last one and 1 when more follow. */

import { RelayError } from '../errors/relay-error.js';
import { MAX_MESSAGE_BYTES } from '../protocol/codec.js';
import { TAG_BYTES } from './cipher-state.js';
import type { NoiseSession } from './noise.js';

/** The longest Noise message (revision 34, 3), and so the longest websocket message. */
export const MAX_FRAME_BYTES = 65_535;

/** The longest frame before the peer is authenticated, and so the longest first frame that we send. */
export const MAX_FIRST_FRAME_BYTES = 4096;

/** Less in a part that is not the last makes no sense, and a million parts of one byte would cost 200 MB to collect. */
const MIN_PART_BYTES = 1024;

const OVERHEAD_BYTES = 1 + TAG_BYTES;
const LAST_PART = 0;
const MORE_FOLLOW = 1;

export interface Transport {
  /** The frames of one message, to be sent in this order. */
  seal(message: Uint8Array): Uint8Array[];
  /**
   * Takes one frame: the whole message after its last part, else null. Throws `protocol` for a forged, skipped or
   * repeated frame, unknown framing, or a message over `maxMessageBytes`; the session is then of no more use.
   */
  open(frame: Uint8Array, maxMessageBytes?: number): Uint8Array | null;
}

export function createTransport(session: NoiseSession): Transport {
  let sentFirst = false;
  let parts: Uint8Array[] = [];
  let collectedBytes = 0;

  function nextPartBytes(): number {
    const frameBytes = sentFirst ? MAX_FRAME_BYTES : MAX_FIRST_FRAME_BYTES;
    sentFirst = true;
    return frameBytes - OVERHEAD_BYTES;
  }

  return {
    seal(message) {
      const frames: Uint8Array[] = [];
      let offset = 0;
      do {
        const part = message.subarray(offset, offset + nextPartBytes());
        offset += part.length;
        const flag = offset < message.length ? MORE_FOLLOW : LAST_PART;
        frames.push(session.sending.encrypt(Buffer.concat([Uint8Array.of(flag), part])));
      } while (offset < message.length);
      return frames;
    },
    open(frame, maxMessageBytes = MAX_MESSAGE_BYTES) {
      const plaintext = session.receiving.decrypt(frame);
      const flag = plaintext[0];
      const part = plaintext.subarray(1);
      if (flag !== LAST_PART && (flag !== MORE_FOLLOW || part.length < MIN_PART_BYTES)) {
        throw new RelayError('protocol', 'the peer sent a message with unknown framing');
      }
      collectedBytes += part.length;
      if (collectedBytes > maxMessageBytes)
        throw new RelayError('protocol', 'the peer sent a message that is too long');
      parts.push(part);
      if (flag === MORE_FOLLOW) return null;
      const message = Buffer.concat(parts);
      parts = [];
      collectedBytes = 0;
      return message;
    },
  };
}
