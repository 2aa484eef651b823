/** X25519 key pairs as base64 text, and the short fingerprint by which people compare them. */

import { createHash } from 'node:crypto';
import nacl from 'tweetnacl';
import { RelayError } from '../errors/relay-error.js';
import { Secret } from '../net/secret.js';

/** Bytes of an X25519 key, public or secret (RFC 7748). */
export const KEY_BYTES = 32;

/** A static identity; the secret half prints as `[redacted]`. */
export interface KeyPair {
  /** Base64, 44 characters. */
  readonly publicKey: string;
  /** Base64, 44 characters. */
  readonly secretKey: Secret;
}

/** A fresh key pair from the system's random numbers. */
export function generateKeyPair(): KeyPair {
  const { publicKey, secretKey } = nacl.box.keyPair();
  return { publicKey: formatKey(publicKey), secretKey: new Secret(formatKey(secretKey)) };
}

/** The pair of a stored secret key (base64); throws `bad-input` without repeating the key. */
export function keyPairFromSecret(secretKey: Secret): KeyPair {
  return { publicKey: formatKey(nacl.scalarMult.base(keyBytes(secretKey.reveal()))), secretKey };
}

/** The 32 bytes of a base64 key; throws `bad-input` for another length or a second spelling of the same bytes. */
export function keyBytes(base64: string): Uint8Array {
  const bytes = Buffer.from(base64, 'base64');
  if (bytes.length !== KEY_BYTES || bytes.toString('base64') !== base64) {
    throw new RelayError('bad-input', 'a key must be 32 bytes in base64');
  }
  return bytes;
}

/** Base64 of a key. */
export function formatKey(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}

/**
 * `ab12-cd34-ef56-7890`: the first 8 bytes of SHA-256 over the public key's bytes. Both ends print it and people
 * compare it; 64 bits are enough because an attacker has to hit one given key, not any two.
 */
export function fingerprint(publicKey: string): string {
  const digest = createHash('sha256').update(keyBytes(publicKey)).digest('hex');
  return (digest.slice(0, 16).match(/.{4}/g) ?? []).join('-');
}
