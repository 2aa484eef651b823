/** What programs print: for people or as JSON, and nothing that steers a terminal. */

import { RelayError } from '@homeward/shared/errors/relay-error';
import { type ConsoleOptions, createConsole } from '@homeward/shared/terminal/console';
import { expect } from 'chai';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { sink } from './sink.js';

/** What may pass: an escape that only colours. */
const COLOUR = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, 'g');

function rig(options: Partial<Pick<ConsoleOptions, 'json' | 'debug'>> & { isTTY?: boolean } = {}) {
  const stdout = sink(options.isTTY);
  const stderr = sink();
  const { json = false, debug = false } = options;
  return { stdout, stderr, console: createConsole({ stdout, stderr, json, debug, program: 'controller' }) };
}

describe('terminal/console', () => {
  const noColor = process.env['NO_COLOR'];
  beforeEach(() => {
    delete process.env['NO_COLOR'];
  });
  afterEach(() => {
    if (noColor !== undefined) process.env['NO_COLOR'] = noColor;
    else delete process.env['NO_COLOR'];
  });

  it('prints lines for people and no documents', () => {
    const { stdout, console } = rig();
    console.line('done');
    console.line();
    console.document({ ok: true });
    expect(stdout.text()).to.equal('done\n\n');
  });

  it('prints documents with --json and no lines', () => {
    const { stdout, console } = rig({ json: true });
    console.line('done');
    console.document({ event: 'token', text: 'a\nb\u001b[31m' });
    console.document({ event: 'done', ok: true });
    expect(
      stdout
        .text()
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).to.deep.equal([
      { event: 'token', text: 'a\nb\u001b[31m' },
      { event: 'done', ok: true },
    ]);
    expect(stdout.text()).to.not.include('\u001b');
  });

  it('does not colour what goes to a file, nor against NO_COLOR', () => {
    expect(rig().console.style('red', 'no')).to.equal('no');
    process.env['NO_COLOR'] = '1';
    expect(rig({ isTTY: true }).console.style('red', 'no')).to.equal('no');
  });

  it('prints an error with its hint on stderr and gives its exit code', () => {
    const { stdout, stderr, console } = rig();
    const error = new RelayError('no-daemon', 'the controller daemon is not running', {
      hint: 'start it: controller serve',
    });
    expect(console.failure(error)).to.equal(3);
    expect(stderr.text()).to.equal('controller: the controller daemon is not running\n  start it: controller serve\n');
    expect(stdout.text()).to.equal('');
  });

  it('prints an error as the document with --json, unless there was one', () => {
    const error = new RelayError('conflict', 'taken\u001b[2J');
    const alone = rig({ json: true });
    expect(alone.console.failure(error)).to.equal(2);
    expect(JSON.parse(alone.stdout.text())).to.deep.equal({
      ok: false,
      error: { code: 'conflict', message: 'taken\u001b[2J', hint: null },
    });
    const after = rig({ json: true });
    after.console.document({ ok: false });
    after.console.failure(error);
    expect(after.stdout.text()).to.equal('{"ok":false}\n');
  });

  it('shows stack and details only with --debug', () => {
    const error = new RelayError('command-failed', 'nft failed', { details: { stderr: 'syntax error' } });
    const quiet = rig();
    quiet.console.failure(error);
    expect(quiet.stderr.text()).to.equal('controller: nft failed\n');
    const loud = rig({ debug: true });
    loud.console.failure(error);
    expect(loud.stderr.text()).to.include('console.test').and.include('{"stderr":"syntax error"}');
  });

  it('neutralises control characters but newlines and colour', () => {
    const { stdout, console } = rig();
    console.line('a\u001b]0;title\u0007b\u001b[2Jc\rd\u009b31me\bf\u007fg\tnew\nline \u001b[32mgreen\u001b[39m');
    expect(stdout.text()).to.equal('a?]0;title?b?[2Jc?d?31me?f?g?new\nline \u001b[32mgreen\u001b[39m\n');
  });

  it('neutralises a control character also where it looks like the begin of a colour', () => {
    for (const character of ['\r', '\b', '\u0007', '\u0000', '\u009b']) {
      const { stdout, console } = rig();
      console.line(`all is well${character}[0m`);
      expect(stdout.text()).to.equal('all is well?[0m\n');
    }
  });

  it('neutralises errors as well', () => {
    const { stderr, console } = rig();
    console.failure(new RelayError('refused', 'no\u001b[2J', { hint: 'really\u0007' }));
    expect(stderr.text()).to.equal('controller: no?[2J\n  really?\n');
  });

  it('lets no text through that holds an escape without being a colour', () => {
    const unit = fc.constantFrom('a', '[', 'm', '3', ';', '\u001b', '\r', '\u009b', '\n', ']', 'J');
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 12 }), (text) => {
        const { stdout, console } = rig();
        console.line(text);
        const rest = stdout.text().replaceAll(COLOUR, '');
        expect(rest).to.not.match(/(?!\n)\p{Cc}/u);
      }),
    );
  });
});
