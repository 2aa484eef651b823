/** Looking again and again: what is printed, and that an outage is told instead of ending it. */

import { RelayError } from '@homeward/shared/errors/relay-error';
import { type Look, watch } from '@homeward/shared/terminal/watch';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { rejectionOf } from '../errors/thrown.js';
import { sink } from './sink.js';

type Answer = { readonly value: number } | 'gone';

/** Gives the answers one after another; the last one ends the watching. */
async function watched(answers: readonly Answer[], options: { isTTY: boolean; json: boolean }): Promise<string> {
  const stdout = sink(options.isTTY);
  const stop = new AbortController();
  let asked = 0;
  const ask = async () => {
    const answer = answers[asked] ?? 'gone';
    asked += 1;
    // After the look that follows it, so that this answer is still shown.
    if (asked > answers.length) stop.abort();
    if (answer === 'gone') throw new RelayError('no-daemon', 'the daemon is not running', { hint: 'start it' });
    return answer;
  };
  const lines = (now: Look<{ value: number }>, before: Look<{ value: number }>) => [
    `value ${now.document.value}, before ${before.document.value}`,
  ];
  await watch({ title: 'test status', intervalMs: 1, ask, lines, json: options.json, stdout }, stop.signal);
  return stdout.text();
}

const jsonLines = (text: string): Record<string, unknown>[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

describe('terminal/watch', () => {
  it('prints one document a line where no terminal is, each with its time', async () => {
    const documents = jsonLines(
      await watched([{ value: 1 }, { value: 2 }, { value: 3 }], { isTTY: false, json: false }),
    );
    expect(documents.map(({ value }) => value)).to.deep.equal([1, 2, 3]);
    for (const { at } of documents) expect(new Date(String(at)).toISOString()).to.equal(at);
  });

  it('prints documents on a terminal as well when asked for', async () => {
    const text = await watched([{ value: 1 }, { value: 2 }], { isTTY: true, json: true });
    expect(jsonLines(text).map(({ value }) => value)).to.deep.equal([1, 2]);
  });

  it('tells an outage as a document, since when, and goes on', async () => {
    const text = await watched([{ value: 1 }, 'gone', 'gone', { value: 4 }], { isTTY: false, json: true });
    const [first, outage, still, last] = jsonLines(text);
    expect(first).to.include({ value: 1 });
    expect(outage?.['error']).to.deep.equal({
      code: 'no-daemon',
      message: 'the daemon is not running',
      hint: 'start it',
    });
    expect(outage).to.include({ ok: false });
    expect(still?.['since']).to.equal(outage?.['since']);
    expect(last).to.include({ value: 4 });
    expect(last).to.not.have.property('error');
  });

  it('shows the last look and the one before on a terminal', async () => {
    const text = await watched([{ value: 1 }, { value: 2 }, { value: 3 }], { isTTY: true, json: false });
    expect(text).to.match(/test status, every 0\.001 s, \d\d:\d\d:\d\d/);
    expect(text).to.include('value 1, before 1').and.include('value 2, before 1').and.include('value 3, before 2');
  });

  it('keeps showing what it saw last during an outage', async () => {
    const text = await watched([{ value: 7 }, 'gone'], { isTTY: true, json: false });
    const outage = text.slice(text.indexOf('no answer since'));
    expect(outage).to.match(/^no answer since \d\d:\d\d:\d\d/);
    expect(outage).to.include('the daemon is not running').and.include('value 7');
  });

  it('throws what the first look threw, without touching the terminal', async () => {
    const stdout = sink(true);
    const ask = () => Promise.reject(new RelayError('no-daemon', 'the daemon is not running'));
    const options = { title: 'test', intervalMs: 1, ask, lines: () => [], json: false, stdout };
    expect(await rejectionOf(watch(options, new AbortController().signal))).to.include({ code: 'no-daemon' });
    expect(stdout.text()).to.equal('');
  });
});
