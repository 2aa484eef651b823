/** Names that cross a border (wire, command line, kernel) and the patterns that make them safe. */

import { RelayError } from '../errors/relay-error.js';
import type { Brand } from './brand.js';

export type BackendName = Brand<string, 'BackendName'>;

/** A network device name as we pass it to ip and nft. */
export type LinkName = Brand<string, 'LinkName'>;

/** Lower case letters, digits and inner dashes, at most 32 characters. */
export const BACKEND_NAME_PATTERN = /^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/;

/** Stricter than the kernel's IFNAMSIZ rule: iproute2 itself lets `wg0;reboot` and `%d` pass. */
export const LINK_NAME_PATTERN = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,14}$/;

/** Throws `bad-input` and shows the rule. */
export function parseBackendName(text: string): BackendName {
  if (!BACKEND_NAME_PATTERN.test(text)) {
    throw new RelayError('bad-input', `${JSON.stringify(text)} is not a backend name`, {
      hint: 'use up to 32 lower case letters, digits and dashes, for example home or nas-2',
    });
  }
  return text as BackendName;
}

/** Throws `bad-input` for a name that we would not hand to ip or nft. */
export function parseLinkName(text: string): LinkName {
  if (!LINK_NAME_PATTERN.test(text)) {
    throw new RelayError('bad-input', `${JSON.stringify(text)} is not a device name`, {
      hint: 'see what there is: ip link',
    });
  }
  return text as LinkName;
}
