/** Texts that people type or paste: forward specs, ports, addresses, prefixes, names, durations, tokens, settings. */

import { parsePolicy, parseJson as parsePolicyJson } from '@homeward/agent/policy';
import { endpointUrl, parseListen } from '@homeward/controller/config';
import { parseExport } from '@homeward/controller/operations/export-file';
import { addressGroup } from '@homeward/controller/server/address-group';
import { isIp, parseIp } from '@homeward/shared/net/address';
import { parseForward } from '@homeward/shared/net/forward-spec';
import { parseBackendName, parseLinkName } from '@homeward/shared/net/names';
import { formatPortRange, parsePortRange } from '@homeward/shared/net/port';
import { formatPrefix, parsePrefix, prefixInterval } from '@homeward/shared/net/prefix';
import { Secret } from '@homeward/shared/net/secret';
import { plainText } from '@homeward/shared/protocol/plain-text';
import { generateKeyPair } from '@homeward/shared/session/keys';
import { plainAddress } from '@homeward/shared/session/peer-address';
import { formatToken, parseToken } from '@homeward/shared/session/token';
import { parseSince } from '@homeward/shared/terminal/audit-command';
import { printable } from '@homeward/shared/terminal/console';
import { parseDuration } from '@homeward/shared/terminal/duration';
import { mutateBytes, mutateJson, mutateText } from '../mutate.js';
import { mustEqual, type Target, valueOr } from '../target.js';

const BAD = ['bad-input'] as const;

const SPECS = [
  '443/tcp',
  '53/tcp+udp',
  '5000-6000/udp',
  '8080=80/tcp',
  '8000-8099=9000-9099/tcp',
  'all',
  '[::]:1/tcp',
  '198.51.100.1:all',
  'all-except-22/tcp,5000-6000/tcp+udp',
]
  .concat(['80=192.168.1.99:8080/tcp', '80=[fd00::9]/tcp', '80=[fd00::9]:8080/udp', '198.51.100.1:443/tcp'])
  .concat(['[2001:db8::1]:443=[fd00::1]:443/tcp', '1-65535=1-65535/udp+tcp', '198.51.100.1:80=10.0.0.1/tcp']);
const SPEC_WORDS = [
  'all',
  '-except-',
  ',',
  '/tcp',
  '/udp',
  '/tcp+udp',
  '=',
  '-',
  ':',
  '[',
  ']',
  '/',
  '65535',
  '65536',
  '0',
  '10.0.0.1',
  'fd00::1',
];

const text = (
  name: string,
  seeds: readonly string[],
  words: readonly string[],
  run: (input: string) => void,
): Target => ({
  name,
  make: (random) => Buffer.from(mutateText(seeds, words, random)),
  run: (input) => run(input.toString('utf8')),
});

const forwards = text('forward-spec', SPECS, SPEC_WORDS, (input) => {
  const forward = valueOr(BAD, () => parseForward(input));
  if (forward === null) return;
  mustEqual('the canonical form', parseForward(forward.spec), forward);
});

const ADDRESSES = [
  '10.0.0.1',
  '255.255.255.255',
  '0.0.0.0',
  '::',
  '::1',
  'fd00::1',
  '2001:db8:0:1:2:3:4:5',
  '::ffff:1.2.3.4',
].concat([
  '1::',
  'fe80::1%eth0',
  '64:ff9b::1.2.3.4',
  '10.0.0.0/8',
  'fd00::/8',
  '::/0',
  '0.0.0.0/0',
  '10.1.2.3/32',
  '1-2',
]);

const addresses = text(
  'addresses',
  ADDRESSES,
  [':', '::', '.', '/', '0', 'ffff', '128', '32', '256', '-', '65535'],
  (input) => {
    const address = valueOr(BAD, () => parseIp(input));
    if (address !== null) mustEqual('an address that was read', isIp(address), true);
    const prefix = valueOr(BAD, () => parsePrefix(input));
    if (prefix !== null) {
      mustEqual('a prefix', parsePrefix(formatPrefix(prefix)), prefix);
      const { first, last } = prefixInterval(prefix);
      mustEqual('the order of an interval', first <= last, true);
    }
    const range = valueOr(BAD, () => parsePortRange(input));
    if (range !== null) mustEqual('a range of ports', parsePortRange(formatPortRange(range)), range);
    // What a socket calls its peer never throws, and means the same the second time.
    mustEqual('a plain address', plainAddress(plainAddress(input)), plainAddress(input));
    addressGroup(plainAddress(input));
  },
);

const LISTENS = [
  '7700',
  '[::]:7700',
  '0.0.0.0:7700',
  'relay.example.org',
  'wss://relay.example.org/homeward',
  'ws://[::1]:7700',
].concat([
  '[fd00::1]:7700',
  'localhost:1',
  ':7700',
  '90s',
  '10m',
  '24d',
  '2026-01-31T12:00:00Z',
  '2026-01-31',
  'home',
  'tun0',
]);

/** What a line for a terminal may hold. */
const COLOUR_OR_NEWLINE = new RegExp(`\\n|${String.fromCharCode(27)}\\[[0-9;]*m`, 'g');

const settings = text(
  'settings',
  LISTENS,
  [':', '[', ']', '/', 'ws://', 'wss://', '@', '?', '#', '%', 'd', 's', 'Z', '-'],
  (input) => {
    const listen = valueOr(BAD, () => parseListen(input));
    if (listen !== null) mustEqual('a port', listen.port >= 1 && listen.port <= 65_535, true);
    const url = valueOr(BAD, () => endpointUrl(input, 7700));
    if (url !== null) mustEqual('a URL that can be dialled', URL.canParse(url), true);
    valueOr(BAD, () => parseDuration(input, '--timeout'));
    const since = valueOr(BAD, () => parseSince(input, new Date('2026-01-01T00:00:00Z')));
    if (since !== null) since.toISOString();
    valueOr(BAD, () => parseBackendName(input));
    valueOr(BAD, () => parseLinkName(input));
    mustEqual('text for a terminal', /\p{Cc}/u.test(printable(input).replace(COLOUR_OR_NEWLINE, '')), false);
    mustEqual('text for a message', /\p{Cc}/u.test(plainText(input)) || plainText(input).length > 512, false);
  },
);

const key = generateKeyPair().publicKey;
const tokenOf = (...urls: string[]) =>
  formatToken({ id: 'AAAAAAAAAAA', secret: new Secret('A'.repeat(43)), controllerKey: key, urls }).reveal();
const TOKENS = [tokenOf('ws://198.51.100.1:7700'), tokenOf('wss://relay.example.org/x', 'ws://[fd00::1]:7700')];
const BODIES = TOKENS.map((token) => Buffer.from(token.slice('hw1_'.length), 'base64url'));

const tokens: Target = {
  name: 'token',
  // Text as it is pasted, or bytes inside of it.
  make: (random) =>
    random.once(2)
      ? Buffer.from(mutateText(TOKENS, ['hw1_', 'hw2_', 'hw', '_', '=', '-', ' ', '\n'], random))
      : Buffer.from(`hw1_${mutateBytes(BODIES, random).toString('base64url')}`),
  run(input) {
    const pasted = input.toString('utf8');
    const token = valueOr(BAD, () => parseToken(pasted));
    if (token !== null) mustEqual('a token', formatToken(token).reveal(), pasted.trim());
  },
};

const json = (name: string, seeds: readonly unknown[], run: (input: string) => void): Target => ({
  ...{ name, cost: 2 },
  make: (random) => Buffer.from(mutateJson(seeds, random)),
  run: (input) => run(input.toString('utf8')),
});

const policies = json(
  'policy',
  [{ ports: ['443/tcp', '1024-2048/tcp+udp'], lan: ['192.168.1.0/24', 'fd00::/8'], tunnels: ['gre'] }, {}],
  (input) => {
    valueOr(BAD, () => parsePolicy('/p', parsePolicyJson('/p', input)));
  },
);

const EXPORT = {
  ...{ format: 'homeward-relay-export', version: 1, nonce: Buffer.alloc(12).toString('base64'), ciphertext: 'AAAA' },
  kdf: { name: 'scrypt', N: 131_072, r: 8, p: 1, salt: Buffer.alloc(32).toString('base64') },
};

const exports = json('export', [EXPORT], (input) => {
  const document = valueOr(BAD, () => parseExport(input, 'x'));
  if (document === null) return;
  const { N, r, p } = document.kdf;
  mustEqual('what a foreign file may cost', N <= 2 ** 18 && r <= 8 && p <= 4 && Number.isInteger(Math.log2(N)), true);
});

export const wordTargets: readonly Target[] = [forwards, addresses, settings, tokens, policies, exports];
