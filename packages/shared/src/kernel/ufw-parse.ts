/** Reads what ufw keeps below /etc: its rules, as the comment `### tuple ###` before each tells them, and its two settings that matter. Pure. */

import type { Family } from '../net/address.js';

/** A rule of one family. */
export interface UfwRule {
  readonly family: Family;
  /** In the words of ufw(8), as if it allowed: ufw has one rule for the same packets, whatever becomes of them. */
  readonly rule: string;
  readonly allows: boolean;
  readonly comment: string | null;
}

/** An option of ufw.conf or /etc/default/ufw that is written as `NAME=yes`, in quotes or not. */
export function isUfwOptionOn(text: string, name: string): boolean {
  const values = text.split('\n').flatMap((line) => new RegExp(`^\\s*${name}=["']?(\\w+)`).exec(line)?.[1] ?? []);
  return values.at(-1)?.toLowerCase() === 'yes';
}

/** Rules of application profiles and of source ports are none that anybody would take for ours: they are left out. */
export function parseUfwRules(text: string, family: Family): UfwRule[] {
  return text.split('\n').flatMap((line) => {
    const [, fields, hex] = /^### tuple ### (.*?)(?: comment=([0-9a-f]*))?\s*$/.exec(line) ?? [];
    const [action = '', protocol, port, destination, sourcePort, source, ways, ...more] = fields?.split(' ') ?? [];
    if (ways === undefined || more.length > 0 || sourcePort !== 'any') return [];
    const isRoute = action.startsWith('route:');
    const given = (word: string, value: string | undefined) =>
      value === undefined || value === 'any' || isAnywhere(value) ? [] : [word, value];
    const target = given('to', destination);
    const words = [
      ...(isRoute ? ['route'] : []),
      'allow',
      ...wayWords(ways),
      ...given('proto', protocol),
      ...given('from', source),
      ...(port === 'any' ? target : [...(target.length > 0 ? target : ['to', 'any']), ...given('port', port)]),
    ];
    const comment = hex === undefined ? null : textOfHex(hex);
    return [{ family, rule: words.join(' '), allows: action === (isRoute ? 'route:allow' : 'allow'), comment }];
  });
}

function isAnywhere(prefix: string): boolean {
  return prefix === '0.0.0.0/0' || prefix === '::/0';
}

/** `in`, `out`, `in_hw0`, `out_hw0` or `in_eth0!out_hw0`. */
function wayWords(ways: string): string[] {
  if (ways === 'in') return [];
  return ways.split('!').flatMap((way) => {
    const [, direction = way, link] = /^(in|out)_(.*)$/.exec(way) ?? [];
    return link === undefined ? [direction] : [direction, 'on', link];
  });
}

function textOfHex(hex: string): string {
  const octets = (hex.match(/../g) ?? []).map((pair) => Number.parseInt(pair, 16));
  return new TextDecoder().decode(Uint8Array.from(octets));
}
