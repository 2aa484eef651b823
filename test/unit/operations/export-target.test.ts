/** Where an export goes: never over something else unless told to, and readable by us alone. */

import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { PassThrough, Readable } from 'node:stream';
import { readBounded, readExport, refuseTarget, writeExport } from '@homeward/controller/operations/export-target';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { rejectionOf } from '../errors/thrown.js';
import { temporaryDirectory } from '../host/temporary.js';

const never = new AbortController().signal;

describe('operations/export-target', () => {
  const path = temporaryDirectory();

  it('writes a new file with mode 0600', async () => {
    await refuseTarget(path('a'), false);
    await writeExport(path('a'), 'content', false);
    expect(await readExport(path('a'), never)).to.equal('content');
    expect((await stat(path('a'))).mode & 0o777).to.equal(0o600);
  });

  it('does not replace a file, but when told to', async () => {
    await writeFile(path('a'), 'older', { mode: 0o644 });
    // One after the other: a rejection that nobody waits for yet would end the run.
    for (const attempt of [() => refuseTarget(path('a'), false), () => writeExport(path('a'), 'newer', false)]) {
      expect(await rejectionOf(attempt())).to.include({
        code: 'conflict',
        hint: 'choose another name, or replace it with --force',
      });
    }
    expect(await readFile(path('a'), 'utf8')).to.equal('older');
    await writeExport(path('a'), 'newer', true);
    expect(await readFile(path('a'), 'utf8')).to.equal('newer');
    expect((await stat(path('a'))).mode & 0o777).to.equal(0o600);
    expect(await readdir(path())).to.deep.equal(['a']);
  });

  it('never replaces what is no file', async () => {
    await mkdir(path('directory'));
    await writeFile(path('a'), 'elsewhere');
    await symlink(path('a'), path('link'));
    for (const name of ['directory', 'link']) {
      expect(await rejectionOf(writeExport(path(name), 'x', true))).to.include({ code: 'conflict' });
    }
    expect(await rejectionOf(refuseTarget('/dev/null', true))).to.include({ message: '/dev/null is not a file' });
    expect(await readFile(path('a'), 'utf8')).to.equal('elsewhere');
  });

  it('says which path it cannot read or write', async () => {
    const nowhere = path('nowhere/a');
    const unread = await rejectionOf(readExport(nowhere, never));
    expect(unread.code).to.equal('bad-input');
    expect(unread.message).to.match(/^cannot read .*nowhere\/a: ENOENT/);
    expect((await rejectionOf(writeExport(nowhere, 'x', false))).message).to.match(
      /^cannot write .*nowhere\/a: ENOENT/,
    );
    expect((await rejectionOf(readExport(path(), never))).code).to.equal('bad-input');
  });

  it('reads no more than an export can have', async () => {
    const chunk = Buffer.alloc(1024 * 1024);
    let given = 0;
    const endless = Readable.from(
      (function* () {
        for (;;) {
          given += 1;
          yield chunk;
        }
      })(),
    );
    expect(await rejectionOf(readBounded(endless, 'stdin', never))).to.include({
      code: 'bad-input',
      message: 'stdin is too large to be an export of a relay',
    });
    expect(given).to.be.below(100);
  });

  it('does not wait for the rest after an interruption', async () => {
    const aborter = new AbortController();
    const stream = new PassThrough();
    stream.write('begun');
    const reading = rejectionOf(readBounded(stream, 'stdin', aborter.signal));
    aborter.abort();
    expect((await reading).code).to.equal('interrupted');
  });
});
