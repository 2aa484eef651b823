/** Error codes: the exit codes that scripts rely on. */

import { exitCodeOf, isErrorCode, RelayError, toRelayError } from '@homeward/shared/errors/relay-error';
import { expect } from 'chai';
import { describe, it } from 'mocha';

describe('errors/relay-error', () => {
  it('gives each code the exit code of the contract', () => {
    const table = {
      1: ['refused', 'timeout', 'unreachable', 'probe-failed', 'command-failed', 'protocol', 'bug'],
      2: ['bad-input', 'conflict', 'not-found'],
      3: ['no-daemon'],
      4: ['missing-capability', 'permission', 'bad-state'],
      130: ['interrupted'],
    };
    for (const [exitCode, codes] of Object.entries(table)) {
      for (const code of codes) {
        if (!isErrorCode(code)) throw new Error(`${code} is no code`);
        expect(exitCodeOf(code), code).to.equal(Number(exitCode));
      }
    }
  });

  it('takes no other string for a code, not even a name every object has', () => {
    for (const text of ['', 'constructor', 'toString', '__proto__', 'BUG']) {
      expect(isErrorCode(text), text).to.equal(false);
    }
  });

  it('turns anything thrown into a RelayError and keeps it as the cause', () => {
    const own = new RelayError('timeout', 'too slow', { hint: 'wait' });
    expect(toRelayError(own)).to.equal(own);
    const foreign = new TypeError('x is undefined');
    expect(toRelayError(foreign)).to.include({ code: 'bug', message: 'x is undefined', cause: foreign });
    expect(toRelayError('just text')).to.include({ code: 'bug', message: 'just text' });
  });
});
