/** What the system said, in words. */

import { readFile } from 'node:fs/promises';
import { systemErrorText } from '@homeward/shared/host/system-error';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { temporaryDirectory } from './temporary.js';

describe('host/system-error', () => {
  const path = temporaryDirectory();
  const failed = (file: string) => readFile(file).then(String, (error: unknown) => systemErrorText(error));

  it('is the words of a failed call, without its code and its arguments', async () => {
    expect(await failed(path('none'))).to.equal('no such file or directory');
    expect(await failed(path('.'))).to.equal('illegal operation on a directory');
  });

  it('is the message of any other error', () => {
    expect(systemErrorText(new Error('too late'))).to.equal('too late');
  });
});
