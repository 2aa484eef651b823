/** What `token create` may be asked for: one name, or several backends under a prefix. Pure. */

import { RelayError } from '@homeward/shared/errors/relay-error';
import { BACKEND_NAME_PATTERN, parseBackendName } from '@homeward/shared/net/names';

/** 32 characters of a name less a dash and 8 digits: the largest pool, a /8, has places for 8 digits of backends. */
const LONGEST_PREFIX = 23;

/** As many backends as the usual pool, a /20, has places for. */
export const MOST_USES = 4_093;

export interface TokenRequest {
  /** The one backend it is for, or null. */
  readonly name: string | null;
  /** Backends are called PREFIX-1, PREFIX-2, …, or null. */
  readonly namePrefix: string | null;
  readonly uses: number;
  readonly expiresMs: number;
}

/** Throws `bad-input` that says what to type for a request that makes no sense. */
export function checkTokenRequest({ name, namePrefix, uses }: TokenRequest): void {
  if (name !== null && namePrefix !== null) {
    throw new RelayError('bad-input', 'a token is for one backend by its name, or for several by a prefix, not both', {
      hint: `leave out ${JSON.stringify(name)} or --name-prefix`,
    });
  }
  if (name === null && namePrefix === null) {
    throw new RelayError('bad-input', 'whom is the token for? a name or a prefix is missing', {
      hint: 'controller token create home, or for several backends: controller token create --name-prefix web --uses 3',
    });
  }
  if (!Number.isInteger(uses) || uses < 1 || uses > MOST_USES) {
    throw new RelayError('bad-input', `--uses must be a number from 1 to ${MOST_USES}`, { hint: 'example: --uses 3' });
  }
  if (name !== null) checkName(parseBackendName(name), uses);
  else if (namePrefix !== null) checkPrefix(namePrefix);
}

function checkName(name: string, uses: number): void {
  if (uses === 1) return;
  throw new RelayError('bad-input', `a token for "${name}" works once: several backends need a name each`, {
    hint: `controller token create --name-prefix ${name} --uses ${uses}`,
  });
}

function checkPrefix(prefix: string): void {
  if (prefix.length <= LONGEST_PREFIX && BACKEND_NAME_PATTERN.test(prefix)) return;
  throw new RelayError('bad-input', `${JSON.stringify(prefix)} is no prefix of backend names`, {
    hint: `use up to ${LONGEST_PREFIX} lower case letters, digits and inner dashes: --name-prefix web gives web-1, web-2, …`,
  });
}
