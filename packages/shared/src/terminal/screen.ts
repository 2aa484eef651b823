/** A terminal's screen that is drawn again and again in place: nothing flickers, wraps or scrolls, and what was there before comes back. */

import type { Writable } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { printable } from './console.js';

export interface TerminalStream extends Writable {
  readonly columns?: number;
  readonly rows?: number;
}

export interface Screen {
  /** Replaces what is shown. */
  show(lines: readonly string[]): void;
  /** Gives the terminal back as it was. */
  close(): void;
}

/** ECMA-48 and xterm's control sequences: alternate screen, cursor, wrapping at the right edge; home; erase to the end of line and screen. */
const ESC = String.fromCharCode(27);
const OPEN = `${ESC}[?1049h${ESC}[?25l${ESC}[?7l`;
const CLOSE = `${ESC}[?7h${ESC}[?25h${ESC}[?1049l`;
const HOME = `${ESC}[H`;
const REST_OF_LINE = `${ESC}[K`;
const REST_OF_SCREEN = `${ESC}[J`;
const NO_COLOUR = `${ESC}[0m`;

export function openScreen(terminal: TerminalStream): Screen {
  let shown: readonly string[] = [];
  const draw = () => terminal.write(frame(shown, terminal.columns ?? 80, terminal.rows ?? 24));
  const suspend = () => {
    terminal.write(CLOSE);
    process.kill(process.pid, 'SIGSTOP');
  };
  const resume = () => {
    terminal.write(OPEN);
    draw();
  };
  terminal.write(OPEN);
  terminal.on('resize', draw);
  process.on('SIGTSTP', suspend);
  process.on('SIGCONT', resume);
  return {
    show(lines) {
      shown = lines;
      draw();
    },
    close() {
      terminal.off('resize', draw);
      process.off('SIGTSTP', suspend);
      process.off('SIGCONT', resume);
      terminal.write(CLOSE);
    },
  };
}

/** One write for the whole screen: each line over the old one, and only then what is left of that erased. */
export function frame(lines: readonly string[], columns: number, rows: number): string {
  const all = lines.flatMap((line) => line.split('\n'));
  const visible = all.length <= rows ? all : [...all.slice(0, rows - 1), `… ${all.length - rows + 1} more lines`];
  const drawn = visible.map((line) => `${cut(printable(line), columns)}${REST_OF_LINE}`);
  return `${HOME}${drawn.join('\r\n')}${REST_OF_SCREEN}`;
}

/** At most `columns` characters, colours not counted. */
function cut(line: string, columns: number): string {
  if (stripVTControlCharacters(line).length <= columns) return line;
  let width = 0;
  const parts = line.split(new RegExp(`(${ESC}\\[[0-9;]*m)`)).map((part, index) => {
    if (index % 2 === 1) return part;
    const kept = part.slice(0, Math.max(0, columns - 1 - width));
    width += part.length;
    return kept;
  });
  return `${parts.join('')}…${NO_COLOUR}`;
}
