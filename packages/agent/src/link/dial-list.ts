/** What of a relay's word is dialled from now on. Pure. */

import { isIp, parseIp } from '@homeward/shared/net/address';
import { hostOfUrl } from '@homeward/shared/net/dial-url';
import { isNeverATarget } from '../policy.js';

/** As many as are kept of what the relay says to dial. */
const MOST_URLS = 16;

export interface DialListInput {
  /** What the relay says. */
  readonly told: readonly string[];
  /** What is dialled until now: what the owner's token named is kept, whatever it is. */
  readonly known: readonly string[];
  /** The URL that works stays first, whatever the relay believes of its own address; null where none does yet. */
  readonly working: string | null;
}

/** A relay that names only what it may not leaves what is known as it is. */
export function dialList({ told, known, working }: DialListInput): string[] {
  const taken = told.filter((url) => known.includes(url) || mayBeTold(url));
  return [...new Set([...(working === null ? [] : [working]), ...(taken.length > 0 ? taken : known)])].slice(
    0,
    MOST_URLS,
  );
}

/** A relay could else send requests, with a password of its choice, to services that trust this machine. */
function mayBeTold(url: string): boolean {
  const { username, password } = new URL(url);
  const host = hostOfUrl(url);
  if (username !== '' || password !== '' || /(^|\.)localhost\.?$/.test(host)) return false;
  return !isIp(host) || !isNeverATarget(parseIp(host));
}
