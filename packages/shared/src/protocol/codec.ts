/** Messages to bytes and back: the only place that parses text from the peer. */

import { RelayError } from '../errors/relay-error.js';
import type { AgentMessage, ControllerMessage } from './messages.js';

/** A whole message: an offer of 20,000 forwards takes half of it, and a peer cannot make us buffer more. */
export const MAX_MESSAGE_BYTES = 1024 * 1024;

/** UTF-8 JSON; throws `protocol` over {@link MAX_MESSAGE_BYTES}, so that the sender learns it and not the peer. */
export function encodeMessage(message: AgentMessage | ControllerMessage): Uint8Array {
  const bytes = new TextEncoder().encode(JSON.stringify(message));
  if (bytes.length > MAX_MESSAGE_BYTES) {
    throw new RelayError('protocol', `the message "${message.type}" takes ${bytes.length} bytes, more than 1 MiB`);
  }
  return bytes;
}

/** The value in the bytes, still to be checked by a schema; throws `protocol` without repeating the peer's text. */
export function decodeMessage(bytes: Uint8Array): unknown {
  if (bytes.length > MAX_MESSAGE_BYTES) throw new RelayError('protocol', 'the peer sent a message over 1 MiB');
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    // The parser's own error quotes the text, which may hold a secret: it is left out on purpose.
    throw new RelayError('protocol', 'the peer sent a message that is not JSON');
  }
}
