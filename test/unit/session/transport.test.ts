/** Framing: cutting a message into parts and refusing everything but exactly those parts in order. */

import { RelayError } from '@homeward/shared/errors/relay-error';
import { MAX_MESSAGE_BYTES } from '@homeward/shared/protocol/codec';
import { type CipherState, createCipherState } from '@homeward/shared/session/cipher-state';
import {
  createTransport,
  MAX_FIRST_FRAME_BYTES,
  MAX_FRAME_BYTES,
  type Transport,
} from '@homeward/shared/session/transport';
import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';

const KEY = new Uint8Array(32).fill(7);
const session = (sending: CipherState, receiving: CipherState) => ({
  sending,
  receiving,
  remoteKey: '',
  handshakeHash: new Uint8Array(64),
});

/** A sender and the receiver that fits it. */
function twoEnds(): { sender: Transport; receiver: Transport; cipher: CipherState } {
  const cipher = createCipherState(KEY);
  const sender = createTransport(session(cipher, createCipherState(KEY)));
  const receiver = createTransport(session(createCipherState(KEY), createCipherState(KEY)));
  return { sender, receiver, cipher };
}

function openAll(receiver: Transport, frames: readonly Uint8Array[]): Uint8Array | null {
  return frames.map((frame) => receiver.open(frame)).at(-1) ?? null;
}

describe('session/transport', () => {
  it('carries messages of any length, empty ones too', () => {
    const lengths = fc.oneof(fc.integer({ min: 0, max: 200_000 }), fc.constantFrom(0, 4078, 4079, 4080, 65_518 + 4079));
    fc.assert(
      fc.property(fc.array(lengths, { minLength: 1, maxLength: 3 }), (sizes) => {
        const { sender, receiver } = twoEnds();
        for (const size of sizes) {
          const message = Buffer.alloc(size, 'homeward');
          const frames = sender.seal(message);
          expect(Math.max(...frames.map((frame) => frame.length))).to.be.at.most(MAX_FRAME_BYTES);
          expect(message.equals(openAll(receiver, frames) ?? Buffer.from('missing'))).to.equal(true);
        }
      }),
      { numRuns: 50 },
    );
  });

  it('starts with a frame that an unauthenticated peer may send', () => {
    const { sender } = twoEnds();
    expect(sender.seal(new Uint8Array(20_000))[0]).to.have.lengthOf(MAX_FIRST_FRAME_BYTES);
  });

  it('refuses a flipped bit, a gap, a repetition and a cut frame', () => {
    const flipped = twoEnds();
    const [frame = new Uint8Array()] = flipped.sender.seal(Buffer.from('hello'));
    frame[3] = (frame[3] ?? 0) ^ 4;
    expect(() => flipped.receiver.open(frame)).to.throw(RelayError, 'does not decrypt');

    const gap = twoEnds();
    gap.sender.seal(Buffer.from('lost'));
    const [late = new Uint8Array()] = gap.sender.seal(Buffer.from('late'));
    expect(() => gap.receiver.open(late)).to.throw(RelayError, 'does not decrypt');

    const repeated = twoEnds();
    const [once = new Uint8Array()] = repeated.sender.seal(Buffer.from('once'));
    repeated.receiver.open(once);
    expect(() => repeated.receiver.open(once)).to.throw(RelayError, 'does not decrypt');

    expect(() => twoEnds().receiver.open(new Uint8Array(15))).to.throw(RelayError, 'too short');
  });

  it('refuses unknown flags, an empty frame and tiny parts', () => {
    for (const plaintext of [[], [2], [255, 1, 2], [1, 65]]) {
      const { receiver, cipher } = twoEnds();
      expect(() => receiver.open(cipher.encrypt(Uint8Array.from(plaintext)))).to.throw(RelayError, 'framing');
    }
  });

  it('refuses a whole message over its limit', () => {
    const { sender, receiver } = twoEnds();
    expect(() => openAll(receiver, sender.seal(new Uint8Array(MAX_MESSAGE_BYTES + 1)))).to.throw(
      RelayError,
      'too long',
    );
    const small = twoEnds();
    const [frame = new Uint8Array()] = small.sender.seal(new Uint8Array(100));
    expect(() => small.receiver.open(frame, 99)).to.throw(RelayError, 'too long');
  });
});
