/** The state directory: made for us alone, refused when it is not. */

import { chmod, mkdir, stat, writeFile } from 'node:fs/promises';
import { prepareStateDirectory } from '@homeward/shared/host/state-directory';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { rejectionOf } from '../errors/thrown.js';
import { temporaryDirectory } from './temporary.js';

const uid = process.getuid?.() ?? -1;

describe('host/state-directory', () => {
  const path = temporaryDirectory();

  it('is made with its parents, for its owner alone, whatever the umask', async () => {
    const before = process.umask(0);
    try {
      await prepareStateDirectory(path('a/b'), uid);
    } finally {
      process.umask(before);
    }
    expect((await stat(path('a/b'))).mode & 0o777).to.equal(0o700);
  });

  it('is taken as it is when it is right', async () => {
    await prepareStateDirectory(path('state'), uid);
    await prepareStateDirectory(path('state'), uid);
  });

  for (const mode of [0o755, 0o750, 0o701, 0o770]) {
    it(`is refused with mode ${mode.toString(8)}`, async () => {
      await mkdir(path('state'));
      await chmod(path('state'), mode);
      expect(await rejectionOf(prepareStateDirectory(path('state'), uid))).to.include({
        code: 'bad-state',
        message: `${path('state')} can be read by others; it holds private keys`,
        hint: `chmod 700 ${path('state')}`,
      });
      expect((await stat(path('state'))).mode & 0o777).to.equal(mode);
    });
  }

  it("is refused when it is somebody else's", async () => {
    await mkdir(path('state'), { mode: 0o700 });
    const error = await rejectionOf(prepareStateDirectory(path('state'), uid + 1));
    expect(error.code).to.equal('bad-state');
    expect(error.message).to.equal(`${path('state')} belongs to user ${uid}, not to ${uid + 1}`);
  });

  it('is refused when something else has its name', async () => {
    await writeFile(path('state'), '');
    const error = await rejectionOf(prepareStateDirectory(path('state'), uid));
    expect(error).to.include({ code: 'bad-state', message: `${path('state')} is not a directory` });
  });
});
