/** The one parser of peer text: bounds, broken input, and silence about what it read. */

import { RelayError } from '@homeward/shared/errors/relay-error';
import { decodeMessage, encodeMessage, MAX_MESSAGE_BYTES } from '@homeward/shared/protocol/codec';
import { parseAgentMessage } from '@homeward/shared/protocol/messages';
import { expect } from 'chai';
import { describe, it } from 'mocha';

describe('protocol/codec', () => {
  const refuse = (bytes: Uint8Array): void => {
    expect(() => decodeMessage(bytes))
      .to.throw(RelayError)
      .with.property('code', 'protocol');
  };

  it('round-trips a message', () => {
    expect(parseAgentMessage(decodeMessage(encodeMessage({ type: 'pong', id: 3 })))).to.deep.equal({
      type: 'pong',
      id: 3,
    });
  });

  it('refuses what is not JSON, not UTF-8 or too long, without repeating it', () => {
    refuse(Buffer.from(''));
    refuse(Buffer.from('{"type":'));
    refuse(Uint8Array.of(0x22, 0xff, 0x22));
    refuse(Buffer.from('[1]'.padEnd(MAX_MESSAGE_BYTES + 1)));
    refuse(Buffer.from('['.repeat(500_000)));
    expect(() => decodeMessage(Buffer.from('hunter2')))
      .to.throw(RelayError)
      .with.property('message')
      .not.contain('hunter2');
  });

  it('refuses to send more than 1 MiB', () => {
    const message = { type: 'report' as const, lastHandshakeSeconds: null, drift: ['x'.repeat(MAX_MESSAGE_BYTES)] };
    expect(() => encodeMessage(message)).to.throw(RelayError, '1 MiB');
  });

  it('gives nothing that a schema lets through by accident', () => {
    const texts = ['null', '1', '"leave"', '[]', '{}', '{"type":"leave","extra":1}', '{"type":"exec"}'];
    for (const text of [...texts, '{"type":"leave","__proto__":{"admin":true}}']) {
      expect(() => parseAgentMessage(decodeMessage(Buffer.from(text)))).to.throw(RelayError);
    }
  });
});
