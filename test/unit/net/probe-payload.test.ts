/** What UDP services are asked. */

import { payloadFor } from '@homeward/shared/net/probe-payload';
import { expect } from 'chai';
import { describe, it } from 'mocha';

describe('net/probe-payload', () => {
  it('asks a name server a question it answers', () => {
    const query = payloadFor(53);
    expect(query.readUInt16BE(4), 'questions').to.equal(1);
    expect(query.subarray(12).toString('hex'), 'root, NS, IN').to.equal('0000020001');
    expect(payloadFor(5353).toString()).to.equal('homeward probe');
  });
});
