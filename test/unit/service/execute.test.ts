/** Steps carried out in a real directory, with real commands. */

import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { command } from '@homeward/shared/host/command';
import { createRunner } from '@homeward/shared/host/runner';
import { executeSteps } from '@homeward/shared/service/execute';
import type { ServiceStep } from '@homeward/shared/service/plan';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { rejectionOf } from '../errors/thrown.js';
import { temporaryDirectory } from '../host/temporary.js';

const execute = (...steps: ServiceStep[]) =>
  executeSteps(steps, createRunner(process.env['PATH']), process.getuid?.() ?? -1, new AbortController().signal);

describe('service/execute', () => {
  const directory = temporaryDirectory();

  it('makes directories, writes files for all to read, runs commands', async () => {
    const unit = join(directory(), 'x.service');
    await execute(
      { kind: 'directory', path: join(directory(), 'state/controller'), mode: 0o700 },
      { kind: 'write', path: unit, content: '[Unit]\n' },
      { kind: 'run', command: command('cp', [unit, `${unit}.copy`]) },
    );
    expect((await stat(join(directory(), 'state/controller'))).mode & 0o777).to.equal(0o700);
    expect((await stat(unit)).mode & 0o777).to.equal(0o644);
    expect(await readFile(`${unit}.copy`, 'utf8')).to.equal('[Unit]\n');
    expect((await readdir(directory())).sort()).to.deep.equal(['state', 'x.service', 'x.service.copy']);
  });

  it('replaces a file, and deletes one that may be gone already', async () => {
    const unit = join(directory(), 'x.service');
    await writeFile(unit, 'old and longer\n');
    await execute({ kind: 'write', path: unit, content: 'new\n' });
    expect(await readFile(unit, 'utf8')).to.equal('new\n');
    await execute({ kind: 'delete', path: unit }, { kind: 'delete', path: unit });
    expect(await readdir(directory())).to.deep.equal([]);
  });

  it('ends at the first step that fails, saying which', async () => {
    const unit = join(directory(), 'missing/x.service');
    const after = join(directory(), 'after');
    const error = await rejectionOf(
      execute({ kind: 'write', path: unit, content: '' }, { kind: 'directory', path: after, mode: 0o755 }),
    );
    expect(error).to.include({ code: 'permission' });
    expect(error.message).to.include(unit);
    expect(await readdir(directory())).to.deep.equal([]);
  });

  it('refuses a state directory that others can read', async () => {
    const state = join(directory(), 'open');
    await mkdir(state, { mode: 0o755 });
    expect(await rejectionOf(execute({ kind: 'directory', path: state, mode: 0o700 }))).to.include({
      code: 'bad-state',
    });
  });
});
