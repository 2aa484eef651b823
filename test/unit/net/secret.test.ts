/** Secrets: readable only by asking for them. */

import { format, inspect } from 'node:util';
import { Secret } from '@homeward/shared/net/secret';
import { expect } from 'chai';
import { describe, it } from 'mocha';

const TEXT = 'cGxlYXNlIGtlZXAgbWUgcHJpdmF0ZQ==';
const secret = new Secret(TEXT);

describe('net/secret', () => {
  it('is revealed to who asks', () => {
    expect(secret.reveal()).to.equal(TEXT);
  });

  it('is printed redacted in every way there is', () => {
    const error = new Error('x', { cause: { secret } });
    const ways = [
      String(secret),
      `${secret}`,
      JSON.stringify(secret),
      JSON.stringify({ deep: [secret] }),
      inspect(secret),
      inspect({ deep: { secret } }, { depth: null, showHidden: true }),
      inspect(secret, { customInspect: false, showHidden: true }),
      inspect(error, { depth: null }),
      format('%s %j %o %O', secret, secret, secret, secret),
      Object.entries(secret).join(),
      JSON.stringify(structuredClone({ ...secret })),
    ];
    for (const text of ways) expect(text).to.not.include(TEXT);
    expect(ways.slice(0, 2)).to.deep.equal(['[redacted]', '[redacted]']);
    expect(ways[3]).to.equal('{"deep":["[redacted]"]}');
  });
});
