/** What a terminal shows that is drawn in place, replayed on a small model of it. */

import { frame, openScreen } from '@homeward/shared/terminal/screen';
import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { sink } from './sink.js';

const ESC = String.fromCharCode(27);
const COLOUR = new RegExp(`${ESC}\\[[0-9;]*m`, 'g');

/** The rows a terminal would show: home, erase to the end of line and of screen, and text. */
function replay(text: string, before: readonly string[] = []): string[] {
  const rows = [...before];
  let row = 0;
  let typed = '';
  const pattern = new RegExp(`${ESC}\\[(?:H|K|J)|\\r\\n|[^${ESC}\\r\\n]+`, 'g');
  for (const [part] of text.replaceAll(COLOUR, '').matchAll(pattern)) {
    if (part === `${ESC}[H`) [row, typed] = [0, ''];
    else if (part === `${ESC}[K`) rows[row] = typed;
    else if (part === `${ESC}[J`) rows.length = row + 1;
    else if (part === '\r\n') [row, typed] = [row + 1, ''];
    else typed += part;
  }
  return rows;
}

describe('terminal/screen', () => {
  it('replaces what was there, longer lines and more of them', () => {
    const first = replay(frame(['a long first line', 'second', 'third'], 80, 24));
    expect(first).to.deep.equal(['a long first line', 'second', 'third']);
    expect(replay(frame(['short', 'second'], 80, 24), first)).to.deep.equal(['short', 'second']);
  });

  it('cuts lines to the width, whatever colours they carry', () => {
    const coloured = `${ESC}[32monline${ESC}[39m and a reason that is long`;
    expect(replay(frame([coloured], 12, 24))).to.deep.equal(['online and …']);
    // A colour that was cut away must not run into the next line.
    expect(frame([coloured], 12, 24)).to.include(`…${ESC}[0m`);
    expect(replay(frame([coloured], 80, 24))).to.deep.equal(['online and a reason that is long']);
  });

  it('says how many lines do not fit', () => {
    const lines = Array.from({ length: 30 }, (_, index) => `line ${index}`);
    const shown = replay(frame(lines, 80, 10));
    expect(shown).to.have.length(10);
    expect(shown.at(-2)).to.equal('line 8');
    expect(shown.at(-1)).to.equal('… 21 more lines');
  });

  it('never fills more than the screen, and lets no text steer the terminal', () => {
    const line = fc.string({
      unit: fc.constantFrom('a', '[', 'H', ESC, '\r', '\n', '\u0007', '2', 'J', 'm', '3'),
      maxLength: 40,
    });
    fc.assert(
      fc.property(fc.array(line, { maxLength: 12 }), (lines) => {
        const rows = replay(frame(lines, 20, 6));
        expect(rows.length).to.be.at.most(6);
        for (const row of rows) expect(row?.length ?? 0).to.be.at.most(20);
        const steering = frame(lines, 20, 6)
          .replaceAll(COLOUR, '')
          .replaceAll(new RegExp(`${ESC}\\[[HKJ]|\\r\\n`, 'g'), '');
        expect(steering).to.not.match(/\p{Cc}/u);
      }),
    );
  });

  it('gives the terminal back as it was', () => {
    const terminal = sink(true);
    const screen = openScreen(terminal);
    screen.show(['hello']);
    screen.close();
    for (const mode of ['?1049', '?25', '?7']) {
      const last = terminal
        .text()
        .match(new RegExp(`${ESC}\\[\\${mode}[hl]`, 'g'))
        ?.at(-1);
      expect(last, mode).to.equal(`${ESC}[${mode}${mode === '?1049' ? 'l' : 'h'}`);
    }
    expect(process.listeners('SIGTSTP')).to.have.length(0);
  });
});
