/** Text of ours as a message may carry it. Pure. */

/** Shorter than the schema's bound for texts. */
const LONGEST = 500;

/** Without control characters, which the other side refuses, and cut to length. */
export function plainText(text: string): string {
  return text.replace(/\p{Cc}+/gu, ' ').slice(0, LONGEST);
}
