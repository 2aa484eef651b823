/** An import makes a relay where there is none, and never touches one that is there. */

import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { stateToExport, storeImport } from '@homeward/controller/operations/transfer';
import { stateSchema } from '@homeward/controller/store/state';
import { createRunner } from '@homeward/shared/host/runner';
import { createSide } from '@homeward/shared/reconcile/side';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { rejectionOf } from '../errors/thrown.js';
import { temporaryDirectory } from '../host/temporary.js';
import { paired, relayState } from '../store/relay-states.js';

const proven = {
  ...paired('home', 1, ['443/tcp']),
  outer: { local: '198.51.100.1', remote: '203.0.113.9', port: null },
  proof: { ok: true, at: '2026-01-01T00:00:00.000Z' },
};
const state = relayState([proven]);

describe('operations/transfer', () => {
  const path = temporaryDirectory();
  const sideIn = (stateDir: string) =>
    createSide({
      program: 'controller',
      schema: stateSchema,
      runner: createRunner(undefined),
      stateDir,
      runDir: stateDir,
      uid: process.getuid?.() ?? -1,
    });

  it('stores what was exported in a directory of its own, without proofs and addresses of another machine', async () => {
    const stateDir = path('new/controller');
    await storeImport(sideIn(stateDir), stateDir, async () => state);
    expect(await stateToExport(sideIn(stateDir), stateDir)).to.deep.equal(
      relayState([{ ...proven, outer: null, proof: null }]),
    );
    expect((await stat(stateDir)).mode & 0o777).to.equal(0o700);
    expect((await stat(`${stateDir}/controller.json`)).mode & 0o777).to.equal(0o600);
  });

  it('asks for nothing where a relay is stored, were it only the previous state of one', async () => {
    for (const name of ['controller.json', 'controller.json.previous']) {
      const stateDir = path(name);
      await mkdir(stateDir, { mode: 0o700 });
      await writeFile(`${stateDir}/${name}`, 'damaged');
      let isAsked = false;
      const error = await rejectionOf(
        storeImport(sideIn(stateDir), stateDir, async () => {
          isAsked = true;
          return state;
        }),
      );
      expect(error.code).to.equal('conflict');
      expect(error.message).to.equal(`${stateDir} holds a relay already (${name}), which is never overwritten`);
      expect(isAsked).to.equal(false);
      expect(await readdir(stateDir)).to.deep.equal([name]);
    }
  });

  it('writes nothing when the export does not open', async () => {
    const stateDir = path('none');
    const failing = storeImport(sideIn(stateDir), stateDir, () => Promise.reject(new Error('wrong')));
    expect(await failing.catch((error: Error) => error.message)).to.equal('wrong');
    expect(await readdir(path())).to.deep.equal([]);
  });

  it('says where there is no relay to export', async () => {
    expect(await rejectionOf(stateToExport(sideIn(path('none')), path('none')))).to.include({
      code: 'not-found',
      message: `there is no relay in ${path('none')} to export`,
    });
  });
});
