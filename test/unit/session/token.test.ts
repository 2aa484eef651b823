/** Tokens: round trip, every paste error with its own words, and no way to print the secret. */

import { createHash } from 'node:crypto';
import { inspect } from 'node:util';
import { RelayError } from '@homeward/shared/errors/relay-error';
import { fingerprint, generateKeyPair, keyBytes, keyPairFromSecret } from '@homeward/shared/session/keys';
import { createToken, formatToken, hashTokenSecret, parseToken } from '@homeward/shared/session/token';
import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';

const KEY = generateKeyPair().publicKey;
const URLS = ['ws://198.51.100.7:7700', 'wss://relay.example/control'];
const sample = (): string => formatToken(createToken(KEY, URLS)).reveal();
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

function errorOf(text: string): RelayError {
  try {
    parseToken(text);
  } catch (error) {
    if (error instanceof RelayError) return error;
    throw error;
  }
  throw new Error('the token was accepted');
}

describe('session/token', () => {
  it('round-trips any dial list', () => {
    const url = fc
      .tuple(fc.constantFrom('ws', 'wss'), fc.domain(), fc.integer({ min: 1, max: 65_535 }))
      .map(([scheme, host, port]) => `${scheme}://${host}:${port}`);
    fc.assert(
      fc.property(fc.array(url, { minLength: 1, maxLength: 16 }), (urls) => {
        const token = createToken(KEY, urls);
        const parsed = parseToken(` ${formatToken(token).reveal()}\n`);
        expect(parsed.urls).to.deep.equal(urls);
        expect(parsed.id).to.equal(token.id).and.lengthOf(11);
        expect(parsed.controllerKey).to.equal(KEY);
        expect(parsed.secret.reveal()).to.equal(token.secret.reveal()).and.lengthOf(43);
      }),
    );
  });

  it('refuses every single changed character', () => {
    const text = sample();
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.constantFrom(...ALPHABET), (index, character) => {
        fc.pre(text[index] !== character);
        expect(errorOf(text.slice(0, index) + character + text.slice(index + 1)).code).to.equal('bad-input');
      }),
      { numRuns: 2000 },
    );
  });

  it('refuses every prefix of itself, and says it is cut off', () => {
    const text = sample();
    for (let length = 4; length < text.length; length += 1) {
      expect(errorOf(text.slice(0, length)).message).to.contain('cut off');
    }
  });

  it('says what is wrong with everything else', () => {
    const text = sample();
    expect(errorOf('').message).to.contain('no token');
    expect(errorOf('correct horse').message).to.contain('not a homeward token');
    expect(errorOf(text.replace('hw1_', 'hw2_')).message).to.contain('another version');
    expect(errorOf(`${text.slice(0, 40)}\n${text.slice(40)}`).message).to.contain('line break');
    expect(errorOf(`${text}AAAA`).message).to.contain('checksum');
    expect(errorOf(`${text}"`).message).to.contain('mistyped');
  });

  it('never repeats the token in an error', () => {
    fc.assert(
      fc.property(fc.nat(300), (length) => {
        const text = sample().slice(0, length);
        fc.pre(text.length > 8 && text.length < sample().length);
        const error = errorOf(text);
        expect(`${error.message} ${error.hint} ${inspect(error)}`).not.to.contain(text.slice(4, 12));
      }),
    );
  });

  it('never prints its secret', () => {
    const token = createToken(KEY, URLS);
    const text = formatToken(token);
    for (const printed of [inspect({ token, text }, { depth: 9 }), JSON.stringify({ token, text }), `${text}`]) {
      expect(printed).not.to.contain(token.secret.reveal()).and.not.contain(text.reveal().slice(4, 40));
      expect(printed).to.contain('[redacted]');
    }
  });

  it('refuses addresses that cannot be dialled when it is made', () => {
    for (const urls of [
      [],
      ['http://relay'],
      ['ws://'],
      ['ws://a/\u001b[2J'],
      ['ws://a/ b'],
      ['ws://a\n'],
      [`ws://${'a'.repeat(300)}`],
      Array(17).fill('ws://a'),
    ]) {
      expect(() => createToken(KEY, urls))
        .to.throw(RelayError)
        .with.property('code', 'bad-input');
    }
  });

  it('is stored as SHA-256', () => {
    const secret = Buffer.from(createToken(KEY, URLS).secret.reveal(), 'base64url');
    expect(hashTokenSecret(secret)).to.equal(createHash('sha256').update(secret).digest('hex'));
  });
});

describe('session/keys', () => {
  it('rebuilds a pair from its secret half, which never prints', () => {
    const pair = generateKeyPair();
    expect(keyPairFromSecret(pair.secretKey).publicKey).to.equal(pair.publicKey);
    expect(`${inspect(pair)} ${JSON.stringify(pair)}`).not.to.contain(pair.secretKey.reveal());
  });

  it('has a fingerprint people can compare', () => {
    const zero = Buffer.alloc(32).toString('base64');
    // The first bytes of SHA-256 over 32 zero bytes.
    expect(fingerprint(zero)).to.equal('6668-7aad-f862-bd77');
    expect(fingerprint(KEY)).to.match(/^([0-9a-f]{4}-){3}[0-9a-f]{4}$/);
  });

  it('refuses keys of another length or spelling', () => {
    for (const text of ['', 'AAAA', `${KEY} `, KEY.slice(0, -1), Buffer.alloc(33).toString('base64')]) {
      expect(() => keyBytes(text)).to.throw(RelayError);
    }
  });
});
