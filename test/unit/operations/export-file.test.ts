/** A relay as one encrypted document: what comes out is what went in, or one clear message. */

import { DEFAULT_COST, openExport, parseExport, sealState } from '@homeward/controller/operations/export-file';
import { addToken } from '@homeward/controller/store/tokens';
import { Secret } from '@homeward/shared/net/secret';
import { expect } from 'chai';
import { before, describe, it } from 'mocha';
import { rejectionOf, thrownBy } from '../errors/thrown.js';
import { paired, pairing, relayState, tokenFor } from '../store/relay-states.js';

const CHEAP = { N: 16, r: 1, p: 1 };
const passphrase = new Secret('correct horse battery staple');
const state = addToken(
  relayState([pairing('home', 1), paired('nas', 2, ['443/tcp'])], {
    revoked: [{ agentKey: 'GONE', name: 'old', at: '2026-01-01T00:00:00.000Z' }],
  }),
  tokenFor('home'),
);
const open = (text: string, secret = passphrase) => openExport(parseExport(text, 'FILE'), secret, 'FILE');

describe('operations/export-file', () => {
  let text: string;
  let document: Record<string, unknown> & { kdf: Record<string, unknown>; ciphertext: string };

  before(async () => {
    text = await sealState(state, passphrase, CHEAP);
    document = JSON.parse(text);
  });
  const changed = (change: Record<string, unknown>) => JSON.stringify({ ...document, ...change });
  const withKdf = (change: Record<string, unknown>) => changed({ kdf: { ...document.kdf, ...change } });

  it('gives back the whole state, tokens and revocations included', async () => {
    expect(await open(text)).to.deep.equal(state);
  });

  it('is one JSON document that shows its format and nothing of the state', () => {
    expect(Object.keys(document)).to.deep.equal(['format', 'version', 'kdf', 'nonce', 'ciphertext']);
    expect(document).to.include({ format: 'homeward-relay-export', version: 1 });
    expect(document.kdf).to.include({ name: 'scrypt', ...CHEAP });
    for (const part of ['nas', '443', 'PRIVATE', 'GONE', 'correct']) {
      expect(Buffer.from(document.ciphertext, 'base64').toString('latin1')).to.not.include(part);
      expect(text).to.not.include(part);
    }
  });

  it('is another one each time', async () => {
    const again = JSON.parse(await sealState(state, passphrase, CHEAP));
    for (const part of ['nonce', 'ciphertext']) expect(again[part]).to.not.equal(document[part]);
    expect(again.kdf.salt).to.not.equal(document.kdf['salt']);
  });

  it('costs 128 MiB to guess at, and is opened at that cost', async () => {
    expect(DEFAULT_COST).to.deep.equal({ N: 2 ** 17, r: 8, p: 1 });
    expect((await open(await sealState(state, passphrase))).pool).to.equal(state.pool);
  });

  it('does not open by another passphrase', async () => {
    for (const wrong of ['', 'correct horse battery stapl', 'Correct horse battery staple']) {
      expect(await rejectionOf(open(text, new Secret(wrong)))).to.include({
        code: 'refused',
        message: 'the passphrase is wrong, or FILE is damaged; nothing was changed',
      });
    }
  });

  it('does not open when any part of it was changed', async () => {
    const flipped = (base64: unknown) => {
      const bytes = Buffer.from(String(base64), 'base64');
      bytes[0] = (bytes[0] ?? 0) ^ 1;
      return bytes.toString('base64');
    };
    const damaged = [
      changed({ ciphertext: flipped(document.ciphertext) }),
      changed({ ciphertext: document.ciphertext.slice(0, -8) }),
      changed({ ciphertext: 'AAAA' }),
      changed({ nonce: flipped(document['nonce']) }),
      withKdf({ salt: flipped(document.kdf['salt']) }),
      withKdf({ N: 32 }),
    ];
    for (const one of damaged) expect(await rejectionOf(open(one))).to.include({ code: 'refused' });
  });

  it('is told from anything else', () => {
    for (const other of ['', 'hw1_AAAA', text.slice(0, -20), '{}', '[]', 'null', changed({ format: 'other' })]) {
      expect(thrownBy(() => parseExport(other, 'FILE'))).to.include({
        code: 'bad-input',
        message: 'FILE is not an export of a relay, or is damaged',
      });
    }
    expect(thrownBy(() => parseExport(changed({ version: 2 }), 'FILE')).message).to.include('another version');
  });

  it('is refused before it can ask for much memory or time', () => {
    const hostile = [
      withKdf({ N: 2 ** 30 }),
      withKdf({ N: 2 ** 17 + 1 }),
      withKdf({ N: 0 }),
      withKdf({ N: '131072' }),
      withKdf({ r: 1024 }),
      withKdf({ p: 1000 }),
      withKdf({ salt: '' }),
      withKdf({ name: 'pbkdf2' }),
      withKdf({ more: 1 }),
      changed({ nonce: 'AAAA' }),
      changed({ ciphertext: 'no base64!' }),
    ];
    for (const one of hostile) {
      const error = thrownBy(() => parseExport(one, 'FILE'));
      expect(error.code).to.equal('bad-input');
      expect(error.message).to.match(/^FILE is damaged: /);
    }
  });

  it('may ask for the most that is allowed', async () => {
    expect((await open(await sealState(state, passphrase, { N: 2 ** 18, r: 8, p: 1 }))).pool).to.equal(state.pool);
  });
});
