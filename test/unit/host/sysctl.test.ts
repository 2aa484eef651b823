/** Kernel parameters as files. */

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createSysctlFiles } from '@homeward/shared/host/sysctl';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { rejectionOf } from '../errors/thrown.js';
import { temporaryDirectory } from './temporary.js';

describe('host/sysctl', () => {
  const path = temporaryDirectory();

  it('reads a value without its newline, and null where there is no such parameter', async () => {
    await mkdir(path('net'));
    await writeFile(path('net/x'), '1\n');
    const files = createSysctlFiles(path());
    expect(await files.read('net/x')).to.equal('1');
    expect(await files.read('net/ipv4/conf/hw9/rp_filter')).to.equal(null);
    expect([...(await files.readAll(['net/x', 'net/y']))]).to.deep.equal([
      ['net/x', '1'],
      ['net/y', null],
    ]);
    await files.write('net/x', '2');
    expect(await readFile(path('net/x'), 'utf8')).to.equal('2');
  });

  it('does not write what is so already, since it might not be allowed to', async () => {
    await mkdir(path('net'));
    await writeFile(path('net/x'), '1\n');
    await createSysctlFiles(path()).write('net/x', '1');
    expect(await readFile(path('net/x'), 'utf8')).to.equal('1\n');
  });

  it('names the parameter that could not be set', async () => {
    const error = await rejectionOf(createSysctlFiles(path()).write('net/none/x', '1'));
    expect(error).to.include({ code: 'command-failed', message: 'cannot set sysctl net/none/x to 1' });
  });
});
