/** A limit holds whatever the garbage collector does meanwhile. */

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { withTimeLimit } from '@homeward/shared/host/time-limit';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { poll } from '../../support/poll.js';

describe('host/time-limit', () => {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;

  it('aborts after the time, although garbage is collected', async () => {
    let aborted = false;
    withTimeLimit(new AbortController().signal, 50).addEventListener('abort', () => {
      aborted = true;
    });
    await poll('the end', 3_000, () => {
      collectGarbage();
      return aborted ? true : undefined;
    });
  });

  it('aborts with the other signal, for its reason, and only once', async () => {
    const outer = new AbortController();
    const limited = withTimeLimit(outer.signal, 20);
    outer.abort('enough');
    expect(limited.aborted).to.equal(true);
    expect(limited.reason).to.equal('enough');
    const later = withTimeLimit(new AbortController().signal, 20);
    await poll('a limit that began later', 3_000, () => (later.aborted ? true : undefined));
    expect(limited.reason).to.equal('enough');
    expect(withTimeLimit(outer.signal, 1_000).aborted).to.equal(true);
  });
});
