/** The handshake against the published vector, against noise-c in both roles, and against damage. */

import { RelayError } from '@homeward/shared/errors/relay-error';
import { Secret } from '@homeward/shared/net/secret';
import { formatKey, generateKeyPair, type KeyPair, keyPairFromSecret } from '@homeward/shared/session/keys';
import {
  createInitiator,
  createResponder,
  FIRST_MESSAGE_BYTES,
  SECOND_MESSAGE_BYTES,
} from '@homeward/shared/session/noise';
import { expect } from 'chai';
import { before, describe, it } from 'mocha';
import { loadNoiseC, type NoiseC } from './noise-c.js';
import { IK_VECTOR } from './noise-vector.js';

const hex = (text: string): Buffer => Buffer.from(text, 'hex');
const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const pairOf = (secretHex: string): KeyPair => keyPairFromSecret(new Secret(formatKey(hex(secretHex))));
const rawSecret = (pair: KeyPair): Uint8Array => new Uint8Array(Buffer.from(pair.secretKey.reveal(), 'base64'));
const rawPublic = (pair: KeyPair): Uint8Array => new Uint8Array(Buffer.from(pair.publicKey, 'base64'));

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    return error instanceof RelayError ? error.code : `foreign: ${String(error)}`;
  }
  return 'no error';
}

describe('session/noise', () => {
  it('reproduces the published vector, both roles, handshake and transport', () => {
    const prologue = hex(IK_VECTOR.prologue);
    const agent = createInitiator({
      identity: pairOf(IK_VECTOR.initiatorStatic),
      ephemeral: pairOf(IK_VECTOR.initiatorEphemeral),
      remoteKey: formatKey(hex(IK_VECTOR.responderPublic)),
      prologue,
    });
    const controller = createResponder({
      identity: pairOf(IK_VECTOR.responderStatic),
      ephemeral: pairOf(IK_VECTOR.responderEphemeral),
      prologue,
    });
    const [first, second, ...rest] = IK_VECTOR.messages;

    const opening = agent.write(hex(first.payload));
    expect(toHex(opening)).to.equal(first.ciphertext);
    expect(toHex(controller.read(opening).payload)).to.equal(first.payload);
    const answer = controller.write(hex(second.payload));
    expect(toHex(answer.message)).to.equal(second.ciphertext);
    const finished = agent.read(answer.message);
    expect(toHex(finished.payload)).to.equal(second.payload);
    expect(toHex(answer.session.handshakeHash)).to.equal(toHex(finished.session.handshakeHash));

    rest.forEach(({ payload, ciphertext }, index) => {
      const [from, to] = index % 2 === 0 ? [finished.session, answer.session] : [answer.session, finished.session];
      const sealed = from.sending.encrypt(hex(payload));
      expect(toHex(sealed)).to.equal(ciphertext);
      expect(toHex(to.receiving.decrypt(sealed))).to.equal(payload);
    });
  });

  it('has messages of 96 and 48 bytes and learns the agent key', () => {
    const [agentPair, controllerPair] = [generateKeyPair(), generateKeyPair()];
    const agent = createInitiator({ identity: agentPair, remoteKey: controllerPair.publicKey });
    const controller = createResponder({ identity: controllerPair });
    const opening = agent.write();
    expect(opening).to.have.lengthOf(FIRST_MESSAGE_BYTES).and.lengthOf(96);
    expect(controller.read(opening).remoteKey).to.equal(agentPair.publicKey);
    expect(controller.write().message).to.have.lengthOf(SECOND_MESSAGE_BYTES).and.lengthOf(48);
  });

  it('refuses every flipped bit, wrong lengths and another controller with a protocol error', () => {
    const [agentPair, controllerPair] = [generateKeyPair(), generateKeyPair()];
    const agent = createInitiator({ identity: agentPair, remoteKey: controllerPair.publicKey });
    const opening = agent.write();
    for (let index = 0; index < opening.length; index += 5) {
      const damaged = Uint8Array.from(opening);
      damaged[index] = (damaged[index] ?? 0) ^ 1;
      expect(codeOf(() => createResponder({ identity: controllerPair }).read(damaged))).to.equal('protocol');
    }
    for (const length of [0, 1, 31, 95]) {
      const cut = opening.subarray(0, length);
      expect(codeOf(() => createResponder({ identity: controllerPair }).read(cut))).to.equal('protocol');
    }
    expect(codeOf(() => createResponder({ identity: generateKeyPair() }).read(opening))).to.equal('protocol');
    expect(codeOf(() => agent.read(new Uint8Array(47)))).to.equal('protocol');
    expect(codeOf(() => agent.read(new Uint8Array(48)))).to.equal('protocol');
  });

  it('refuses low-order keys, for which every secret gives zeros', () => {
    const controllerPair = generateKeyPair();
    // The point of order 4 (u = 1) and two spellings of zero (u = 0, u = p).
    for (const point of [`01${'00'.repeat(31)}`, '00'.repeat(32), `ed${'ff'.repeat(30)}7f`]) {
      const opening = Buffer.concat([hex(point), Buffer.alloc(64)]);
      expect(() => createResponder({ identity: controllerPair }).read(opening)).to.throw(RelayError, 'worthless');
    }
  });

  it('cannot talk to another prologue', () => {
    const controllerPair = generateKeyPair();
    const agent = createInitiator({
      identity: generateKeyPair(),
      remoteKey: controllerPair.publicKey,
      prologue: Buffer.from('homeward/2'),
    });
    expect(codeOf(() => createResponder({ identity: controllerPair }).read(agent.write()))).to.equal('protocol');
  });

  describe('with noise-c', () => {
    const NAME = 'Noise_IK_25519_ChaChaPoly_SHA512';
    const PROLOGUE = new Uint8Array(Buffer.from('homeward/1'));
    const NOTHING = new Uint8Array(0);
    const text = (words: string): Uint8Array => new Uint8Array(Buffer.from(words));
    let noise: NoiseC;
    before(async () => {
      noise = await loadNoiseC();
    });

    it('speaks as initiator', () => {
      const [agentPair, controllerPair] = [generateKeyPair(), generateKeyPair()];
      const other = noise.HandshakeState(NAME, noise.constants.NOISE_ROLE_RESPONDER);
      other.Initialize(PROLOGUE, rawSecret(controllerPair));
      const agent = createInitiator({ identity: agentPair, remoteKey: controllerPair.publicKey });

      expect(other.ReadMessage(new Uint8Array(agent.write()), true)).to.have.lengthOf(0);
      expect(toHex(other.GetRemotePublicKey())).to.equal(toHex(rawPublic(agentPair)));
      const { session } = agent.read(other.WriteMessage());
      expect(toHex(other.GetHandshakeHash())).to.equal(toHex(session.handshakeHash));
      const [send, receive] = other.Split();
      expect(toHex(receive.DecryptWithAd(NOTHING, new Uint8Array(session.sending.encrypt(text('up')))))).to.equal(
        toHex(text('up')),
      );
      expect(toHex(session.receiving.decrypt(send.EncryptWithAd(NOTHING, text('down'))))).to.equal(toHex(text('down')));
    });

    it('speaks as responder', () => {
      const [agentPair, controllerPair] = [generateKeyPair(), generateKeyPair()];
      const other = noise.HandshakeState(NAME, noise.constants.NOISE_ROLE_INITIATOR);
      other.Initialize(PROLOGUE, rawSecret(agentPair), rawPublic(controllerPair));
      const controller = createResponder({ identity: controllerPair });

      expect(controller.read(other.WriteMessage()).remoteKey).to.equal(agentPair.publicKey);
      const { message, session } = controller.write();
      expect(other.ReadMessage(new Uint8Array(message), true)).to.have.lengthOf(0);
      expect(toHex(other.GetHandshakeHash())).to.equal(toHex(session.handshakeHash));
      const [send, receive] = other.Split();
      expect(toHex(session.receiving.decrypt(send.EncryptWithAd(NOTHING, text('up'))))).to.equal(toHex(text('up')));
      expect(toHex(receive.DecryptWithAd(NOTHING, new Uint8Array(session.sending.encrypt(text('down')))))).to.equal(
        toHex(text('down')),
      );
    });
  });
});
