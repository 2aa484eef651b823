/** Inputs made of real ones: bytes, text and JSON, changed a little at several places at once. */

import fc from 'fast-check';
import type { Random } from './random.js';

const MOST_CHANGES = 6;
/** Long enough that a parser which needs the square of it is felt. */
const REPEATS = [2, 7, 100, 1_000, 20_000];

/** How often something is changed: mostly a little, so that most of it stays valid. */
const changes = (random: Random): number => 1 + random.below(random.pick([1, 2, MOST_CHANGES]));

export function mutateBytes(seeds: readonly Uint8Array[], random: Random): Buffer {
  let bytes: Buffer = Buffer.from(random.pick(seeds));
  for (let left = changes(random); left > 0; left -= 1) bytes = changedBytes(bytes, seeds, random);
  return bytes;
}

function changedBytes(bytes: Buffer, seeds: readonly Uint8Array[], random: Random): Buffer {
  const at = random.below(bytes.length + 1);
  const end = Math.min(bytes.length, at + 1 + random.below(16));
  const [before, middle, after] = [bytes.subarray(0, at), bytes.subarray(at, end), bytes.subarray(end)];
  switch (random.below(7)) {
    case 0: {
      const flipped = Buffer.from(bytes);
      if (at < flipped.length) flipped[at] = (flipped[at] ?? 0) ^ (1 << random.below(8));
      return flipped;
    }
    case 1:
      return Buffer.concat([
        before,
        Uint8Array.of(random.pick([0, 1, 0x0a, 0x7f, 0x80, 0xff, random.below(256)])),
        after,
      ]);
    case 2:
      return Buffer.concat([before, after]);
    case 3:
      return Buffer.from(before);
    case 4:
      return Buffer.concat([before, middle, middle, after]);
    case 5: {
      const other = random.pick(seeds);
      return Buffer.concat([before, other.subarray(random.below(other.length + 1))]);
    }
    default:
      return Buffer.concat([
        before,
        Buffer.from(Array.from({ length: random.below(40) }, () => random.below(256))),
        after,
      ]);
  }
}

/** Characters that have made parsers stumble, besides those of the grammar at hand. */
const ODD = [
  '\0',
  '\n',
  '\r\n',
  ' ',
  '\t',
  '%',
  '\\',
  '"',
  "'",
  '-',
  '.',
  ':',
  '/',
  '=',
  ',',
  '[',
  ']',
  '{',
  '}',
  '(',
  ')',
]
  .concat([
    '٣',
    'é',
    '\u2028',
    '\u202e',
    '\ud800',
    '😀',
    '１',
    'ﬁ',
    '0',
    '00',
    '-1',
    '65535',
    '65536',
    '1e9',
    '0x10',
    'NaN',
  ])
  .concat(['4294967295', '4294967296', '9007199254740993', '__proto__', 'constructor', 'null', '::', '::ffff:1.2.3.4']);

export function mutateText(seeds: readonly string[], words: readonly string[], random: Random): string {
  let text = random.pick(seeds);
  for (let left = changes(random); left > 0; left -= 1) text = changedText(text, seeds, words, random);
  return text;
}

function changedText(text: string, seeds: readonly string[], words: readonly string[], random: Random): string {
  const at = random.below(text.length + 1);
  const end = Math.min(text.length, at + 1 + random.below(12));
  const [before, middle, after] = [text.slice(0, at), text.slice(at, end), text.slice(end)];
  switch (random.below(8)) {
    case 0:
      return before + after;
    case 1:
      return before + random.pick(ODD) + after;
    case 2:
      return before + random.pick(words) + after;
    case 3:
      return before + random.pick(words) + text.slice(end + random.below(4));
    case 4:
      return before + middle + middle + after;
    case 5: {
      const other = random.pick(seeds);
      return before + other.slice(random.below(other.length + 1));
    }
    case 6:
      return random.once(20)
        ? before + (random.pick(ODD) + middle).repeat(random.pick(REPEATS)).slice(0, 100_000) + after
        : before;
    default:
      return before + String.fromCharCode(random.below(random.pick([128, 256, 65_536]))) + after;
  }
}

/** Values of all kinds, and such as are at the edge of what a number or a name may be. */
const VALUES: readonly unknown[] = [
  ...[null, true, false, 0, -0, -1, 1, 1.5, 255, 256, 65_535, 65_536, 2 ** 31, 2 ** 32, 2 ** 53, -(2 ** 63), 1e308],
  ...[
    '',
    ' ',
    '0',
    'main',
    'default',
    '10.0.0.1',
    '10.0.0.0/8',
    '010.0.0.1',
    'fd00::1',
    'fd00::0:1',
    'FD00::1',
    '::/0',
  ],
  ...['fe80::1%eth0', '::ffff:10.0.0.1', '1.2.3.4/33', 'a'.repeat(600), '\u0000', '\u001b[31m', '\ud800', '443/tcp'],
  ...[[], {}, [[]], [null], { elem: { val: {} } }, { prefix: { addr: '::1.2.3.4', len: 96 } }, { range: [1, 2] }],
  ...fc.sample(fc.jsonValue({ maxDepth: 3 }), { seed: 1, numRuns: 300 }),
];

/** A JSON value with some of its parts changed; text of a value that may not be one any more. */
export function mutateJson(seeds: readonly unknown[], random: Random): string {
  let value = structuredClone(random.pick(seeds));
  for (let left = changes(random); left > 0; left -= 1) value = changedValue(value, seeds, random);
  const text = random.once(60) ? nested(value, random) : JSON.stringify(value);
  if (!random.once(8)) return text;
  return changedText(text, [text], ['{', '[', '"', ',', 'null', '1e999', '"__proto__":'], random);
}

/** JSON.stringify cannot write it, JSON.parse reads it. */
function nested(value: unknown, random: Random): string {
  const depth = random.pick([50, 1_000, 20_000]);
  const [open, close] = random.pick([['[', ']'] as const, ['{"elem":', '}'] as const, ['{"concat":[', ']}'] as const]);
  const text = JSON.stringify(value);
  const at = text.indexOf('"', random.below(text.length));
  const end = at === -1 ? -1 : text.indexOf('"', at + 1);
  const deep = `${open.repeat(depth)}0${close.repeat(depth)}`;
  return end === -1 ? deep : `${text.slice(0, at)}${deep}${text.slice(end + 1)}`;
}

function changedValue(value: unknown, seeds: readonly unknown[], random: Random): unknown {
  // Deeper down with a chance that lets every depth be met.
  if (typeof value !== 'object' || value === null || random.once(6)) return otherValue(value, seeds, random);
  return Array.isArray(value) ? changedArray(value, seeds, random) : changedObject(value, seeds, random);
}

function otherValue(value: unknown, seeds: readonly unknown[], random: Random): unknown {
  if (typeof value === 'string' && random.once(2)) return changedText(value, [value], VALUES.filter(isText), random);
  if (typeof value === 'number' && random.once(2)) return value + random.pick([-1, 1, 0.5, 2 ** 32]);
  return structuredClone(random.once(12) ? random.pick(seeds) : random.pick(VALUES));
}

const isText = (value: unknown): value is string => typeof value === 'string';

function changedArray(items: readonly unknown[], seeds: readonly unknown[], random: Random): unknown[] {
  const at = random.below(items.length);
  if (items.length === 0 || random.once(8)) return [...items, structuredClone(random.pick(VALUES))];
  if (random.once(8)) return items.filter((_, index) => index !== at);
  if (random.once(8)) return [...items, ...items.slice(at)];
  return items.map((item, index) => (index === at ? changedValue(item, seeds, random) : item));
}

function changedObject(value: object, seeds: readonly unknown[], random: Random): object {
  const entries = Object.entries(value);
  const [name, inner] = entries.length === 0 ? ['x', null] : random.pick(entries);
  const others = entries.filter(([key]) => key !== name);
  if (random.once(8)) return Object.fromEntries(others);
  if (random.once(10))
    return Object.fromEntries([...others, [random.pick(['__proto__', 'constructor', 'x', 'elem']), inner]]);
  return Object.fromEntries(entries.map(([key, one]) => [key, key === name ? changedValue(one, seeds, random) : one]));
}
