/** Forward specs on the command line: checked before the daemon is asked, and listed. */

import { RelayError } from '@homeward/shared/errors/relay-error';
import { parseForward } from '@homeward/shared/net/forward-spec';

/** Throws `bad-input` for the first spec that is none, showing how one is written. */
export function checkSpecs(specs: readonly string[]): void {
  for (const spec of specs) {
    try {
      parseForward(spec);
    } catch (error) {
      if (!(error instanceof RelayError) || error.hint !== undefined) throw error;
      throw new RelayError(error.code, error.message, {
        hint: 'a forward is [ADDRESS:]PUBLIC[=TARGET]/PROTO, for example 443/tcp, 8080=80/tcp, 53/tcp+udp',
        cause: error,
      });
    }
  }
}

/** More than this many would be a wall of text. */
const LISTED = 20;

/** Specs in one line, the first of them where there are very many. */
export function specList(specs: readonly string[]): string {
  const rest = specs.length > LISTED ? ` … and ${specs.length - LISTED} more` : '';
  return `${specs.slice(0, LISTED).join(', ')}${rest}`;
}
