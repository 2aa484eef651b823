/** roff with the man macros (groff_man(7)): text that means itself, whatever is in it. */

import { wrap } from './wrap.js';

const SOURCE_WIDTH = 78;

/** Text as an argument or a line of its own: nothing in it is markup. */
export function escaped(text: string): string {
  return text
    .replaceAll('\\', '\\(rs')
    .replaceAll('-', '\\-')
    .replaceAll('"', '\\(dq')
    .replaceAll("'", '\\(aq')
    .replaceAll('^', '\\(ha')
    .replaceAll('~', '\\(ti')
    .replaceAll('`', '\\(ga')
    .replaceAll('…', '...');
}

/** Prose: as `escaped`, but the hyphens of words stay hyphens, at which a line may break. */
export function prose(text: string): string {
  return escaped(text).replaceAll(/(?<=[a-z])\\-(?=[a-z])/g, '-');
}

/** A line that no dot at its begin makes a request. */
export function line(text: string): string {
  return text.startsWith('.') ? `\\&${text}` : text;
}

export function heading(macro: 'SH' | 'SS', title: string): string {
  return `.${macro} "${escaped(title)}"`;
}

/** Prose as input lines of a length that people can read in the source, too. */
function proseLines(text: string): string[] {
  return wrap(prose(text), SOURCE_WIDTH).map(line);
}

/** Paragraphs of a text with line breaks. */
export function paragraphs(text: string): string[] {
  return text.split('\n').flatMap((paragraph) => ['.PP', ...proseLines(paragraph)]);
}

/** A term in bold, and what it means, indented. */
export function item(term: string, says: string): string[] {
  return ['.TP', `.B "${escaped(term)}"`, ...proseLines(says)];
}

/** Lines exactly as they are, indented. */
export function verbatim(lines: readonly string[]): string[] {
  return ['.PP', '.RS 4', '.nf', ...lines.map((text) => line(escaped(text))), '.fi', '.RE'];
}
