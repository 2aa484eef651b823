/** A passphrase from a file, the environment or a terminal that does not show it. */

import { writeFile } from 'node:fs/promises';
import { PassThrough } from 'node:stream';
import { type PassphraseOptions, readPassphrase } from '@homeward/controller/commands/passphrase';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { rejectionOf } from '../errors/thrown.js';
import { temporaryDirectory } from '../host/temporary.js';
import { type Sink, sink } from '../terminal/sink.js';

const CTRL_C = '\u0003';
const CTRL_D = '\u0004';
const BACKSPACE = '\u007f';

describe('commands/passphrase', () => {
  const path = temporaryDirectory();
  let input: PassThrough & { isRaw?: boolean; setRawMode?: (raw: boolean) => void };
  let output: Sink;
  const terminal = () => ({ input, output });

  beforeEach(() => {
    input = new PassThrough();
    input.setRawMode = (raw) => {
      input.isRaw = raw;
    };
    output = sink(true);
  });
  afterEach(() => {
    delete process.env['HOMEWARD_PASSPHRASE'];
  });

  const read = async (options: Partial<PassphraseOptions>, signal = new AbortController().signal) =>
    (await readPassphrase({ file: undefined, twice: false, terminal: null, ...options }, signal)).reveal();

  it('is the first line of a file, spaces and all', async () => {
    for (const content of [' two words ', ' two words \n', ' two words \r\nand more\n']) {
      await writeFile(path('p'), content);
      expect(await read({ file: path('p') })).to.equal(' two words ');
    }
  });

  it('is taken from the environment, which does not keep it', async () => {
    process.env['HOMEWARD_PASSPHRASE'] = 'from outside';
    expect(await read({ terminal: terminal() })).to.equal('from outside');
    expect(process.env['HOMEWARD_PASSPHRASE']).to.equal(undefined);
  });

  it('is taken from the file rather than the environment, which does not keep it either', async () => {
    await writeFile(path('p'), 'from the file\n');
    process.env['HOMEWARD_PASSPHRASE'] = 'from outside';
    expect(await read({ file: path('p') })).to.equal('from the file');
    expect(process.env['HOMEWARD_PASSPHRASE']).to.equal(undefined);
  });

  it('is asked for on a terminal, unseen and editable', async () => {
    input.write(`secrex${BACKSPACE}t words\r`);
    expect(await read({ terminal: terminal() })).to.equal('secret words');
    expect(output.text()).to.equal('Passphrase: \n');
    expect(input.isRaw).to.equal(false);
  });

  it('is asked for twice where a mistake would lock the owner out', async () => {
    input.write('secret\rsecret\r');
    expect(await read({ terminal: terminal(), twice: true })).to.equal('secret');
    expect(output.text()).to.equal('Passphrase: \nOnce more: \n');
  });

  it('is refused when the two differ', async () => {
    input.write('secret\rsecrets\r');
    expect(await rejectionOf(read({ terminal: terminal(), twice: true }))).to.include({
      code: 'bad-input',
      message: 'the two passphrases differ; nothing was written',
    });
  });

  it('is not asked for any more after Ctrl-C or an interruption', async () => {
    input.write(`sec${CTRL_C}`);
    expect((await rejectionOf(read({ terminal: terminal() }))).code).to.equal('interrupted');
    input = new PassThrough();
    const aborter = new AbortController();
    const waiting = rejectionOf(read({ terminal: terminal() }, aborter.signal));
    aborter.abort();
    expect((await waiting).code).to.equal('interrupted');
    const late = rejectionOf(read({ terminal: terminal() }, AbortSignal.abort()));
    expect((await late).code).to.equal('interrupted');
  });

  it('is missed where the terminal ends, where it is empty, and where nobody can be asked', async () => {
    input.write(CTRL_D);
    expect((await rejectionOf(read({ terminal: terminal() }))).message).to.equal('nothing was typed');
    input = new PassThrough();
    input.write('\r');
    expect((await rejectionOf(read({ terminal: terminal() }))).message).to.equal('the passphrase is empty');
    await writeFile(path('p'), '\n');
    expect((await rejectionOf(read({ file: path('p') }))).message).to.equal('the passphrase is empty');
    process.env['HOMEWARD_PASSPHRASE'] = '';
    expect(await rejectionOf(read({}))).to.include({
      code: 'bad-input',
      hint: 'give it with --passphrase-file FILE or in HOMEWARD_PASSPHRASE',
    });
    expect((await rejectionOf(read({ file: path('none') }))).message).to.include('cannot read the passphrase file');
  });
});
