/** Forward specs on the command line: checked before the daemon is asked, and listed. */

import { RelayError } from '@homeward/shared/errors/relay-error';
import { isWhole, parseForward, withExceptions } from '@homeward/shared/net/forward-spec';
import { type PortSpec, parsePortSpec } from '@homeward/shared/net/port-spec';

/** Throws `bad-input` for the first spec that is none, showing how one is written. */
export function checkSpecs(specs: readonly string[]): void {
  for (const spec of specs) {
    try {
      parseForward(spec);
    } catch (error) {
      if (!(error instanceof RelayError) || error.hint !== undefined) throw error;
      throw new RelayError(error.code, error.message, {
        hint: 'a forward is [ADDRESS:]PUBLIC[=TARGET]/PROTO, for example 443/tcp, 8080=80/tcp, 53/tcp+udp, or all',
        cause: error,
      });
    }
  }
}

/** The specs as given, checked, with more exceptions for each `all`. Throws `bad-input` where there is none, or an exception is no port. */
export function specsExcept(specs: readonly string[], exceptions: readonly string[] = []): readonly string[] {
  checkSpecs(specs);
  if (exceptions.length === 0) return specs;
  const excepted = exceptions.flatMap((text) => text.split(',')).map(exceptionIn);
  const forwards = specs.map(parseForward);
  if (!forwards.some(isWhole)) {
    throw new RelayError('bad-input', '--except is for the forward all, and there is none', {
      hint: 'leave it out, or forward all: controller forward add home all --except 25/tcp',
    });
  }
  const lessened = forwards.map((forward) => withExceptions(forward, excepted).spec);
  // With many exceptions a spec becomes too long.
  checkSpecs(lessened);
  return lessened;
}

function exceptionIn(text: string): PortSpec {
  try {
    return parsePortSpec(text);
  } catch (error) {
    if (!(error instanceof RelayError)) throw error;
    const hint = error.hint ?? 'example: --except 25/tcp, or --except 25/tcp,5000-6000/udp';
    throw new RelayError(error.code, `--except: ${error.message}`, { hint, cause: error });
  }
}

/** More than this many would be a wall of text. */
const LISTED = 20;

/** Specs in one line, the first of them where there are very many. */
export function specList(specs: readonly string[]): string {
  const rest = specs.length > LISTED ? ` … and ${specs.length - LISTED} more` : '';
  return `${specs.slice(0, LISTED).join(', ')}${rest}`;
}
