/** What a command line program prints: results on stdout, errors and logs on stderr, colour only on a terminal. */

import type { Writable } from 'node:stream';
import { styleText } from 'node:util';
import { exitCodeOf, type RelayError } from '../errors/relay-error.js';

type Style = 'green' | 'red' | 'yellow' | 'bold' | 'dim';

export interface Console {
  readonly json: boolean;
  /** A line for people; nothing with --json. */
  line(text?: string): void;
  /** The one JSON document, or one event of a stream; nothing without --json. */
  document(value: unknown): void;
  style(style: Style, text: string): string;
  /** Prints an error in up to three lines on stderr, with --json also as the document if none was printed; gives its exit code. */
  failure(error: RelayError): number;
}

export interface ConsoleOptions {
  readonly stdout: Writable & { isTTY?: boolean };
  readonly stderr: Writable;
  readonly json: boolean;
  readonly debug: boolean;
  /** Name of the program, before each error. */
  readonly program: string;
}

export function createConsole(options: ConsoleOptions): Console {
  const { stdout, stderr, json, debug, program } = options;
  const coloured = stdout.isTTY === true && process.env['NO_COLOR'] === undefined;
  let hasDocument = false;
  return {
    json,
    line(text = '') {
      if (!json) stdout.write(`${printable(text)}\n`);
    },
    document(value) {
      if (!json) return;
      hasDocument = true;
      stdout.write(`${JSON.stringify(value)}\n`);
    },
    style: (style, text) => (coloured ? styleText(style, text, { validateStream: false }) : text),
    failure(error) {
      const { code, message, hint = null } = error;
      if (json && !hasDocument) stdout.write(`${JSON.stringify({ ok: false, error: { code, message, hint } })}\n`);
      stderr.write(`${program}: ${printable(error.message)}\n`);
      if (error.hint !== undefined) stderr.write(`  ${printable(error.hint)}\n`);
      if (debug) stderr.write(`${error.stack ?? ''}\n${JSON.stringify(error.details)}\n`);
      return exitCodeOf(error.code);
    },
  };
}

/** The sequence that sets colours begins so. */
const COLOUR = `${String.fromCharCode(27)}[`;

/** Text from elsewhere must not steer the terminal: control characters but newlines and colour sequences become `?`. */
export function printable(text: string): string {
  return text
    .split(COLOUR)
    .map((part, index) => {
      const isColour = index > 0 && /^[0-9;]*m/.test(part);
      return `${index === 0 ? '' : isColour ? COLOUR : '?['}${part.replace(/(?!\n)\p{Cc}/gu, '?')}`;
    })
    .join('');
}
