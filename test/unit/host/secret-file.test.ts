/** A secret as a file: in memory, for its owner, and gone afterwards. */

import { access, readFile, stat } from 'node:fs/promises';
import { withSecretFile } from '@homeward/shared/host/secret-file';
import { Secret } from '@homeward/shared/net/secret';
import { expect } from 'chai';
import { describe, it } from 'mocha';

const secret = new Secret('[Interface]\nPrivateKey = KEY\n');
const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );

describe('host/secret-file', () => {
  it('holds the secret while it is used, readable by its owner alone', async () => {
    const path = await withSecretFile(secret, async (file) => {
      expect(await readFile(file, 'utf8')).to.equal(secret.reveal());
      expect((await stat(file)).mode & 0o777).to.equal(0o600);
      expect(file).to.match(/^\/dev\/shm\//);
      return file;
    });
    expect(await exists(path)).to.equal(false);
  });

  it('is gone also when its use fails', async () => {
    let path = '';
    const failure = await withSecretFile(secret, (file) => {
      path = file;
      return Promise.reject(new Error('wg failed'));
    }).catch((error: Error) => error.message);
    expect(failure).to.equal('wg failed');
    expect(path).to.not.equal('');
    expect(await exists(path)).to.equal(false);
  });

  it('has another name each time', async () => {
    const name = () => withSecretFile(secret, async (file) => file);
    expect(await name()).to.not.equal(await name());
  });
});
