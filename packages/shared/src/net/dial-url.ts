/** URLs that an agent dials: what a token or a message may name. */

const MOST_BYTES = 300;

/** True for a `ws://` or `wss://` URL of a bounded length, in which nothing could steer a terminal or a log. */
export function isDialUrl(url: string): boolean {
  return /^wss?:\/\/[^\s\p{Cc}]+$/u.test(url) && Buffer.byteLength(url) <= MOST_BYTES && URL.canParse(url);
}

/** The name or address in a URL that {@link isDialUrl}, an IPv6 address without its brackets. */
export function hostOfUrl(url: string): string {
  return new URL(url).hostname.replace(/^\[|\]$/g, '');
}
