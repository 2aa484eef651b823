/** Text laid out in columns, for help on a terminal of any width. */

/** Below this a column is not wrapped: a word a line reads worse than a line that the terminal breaks. */
const NARROWEST = 20;

/** Terms longer than this get a line of their own, unless the caller has longer ones throughout. */
const LONGEST_TERM = 30;

export interface Item {
  readonly term: string;
  readonly says: string;
}

/** Lines of at most `width` columns; line breaks in the text are kept. */
export function wrap(text: string, width: number): string[] {
  const limit = Math.max(width, NARROWEST);
  return text.split('\n').flatMap((paragraph) => {
    const lines: string[] = [];
    let line = '';
    for (const word of paragraph.split(' ').filter((part) => part !== '')) {
      if (line !== '' && line.length + 1 + word.length > limit) {
        lines.push(line);
        line = word;
      } else {
        line = line === '' ? word : `${line} ${word}`;
      }
    }
    return [...lines, line];
  });
}

/** Two columns: terms, and what they mean. */
export function itemLines(items: readonly Item[], width: number, longestTerm = LONGEST_TERM): string[] {
  const short = items.map(({ term }) => term.length).filter((length) => length <= longestTerm);
  const column = Math.max(0, ...short) + 4;
  return items.flatMap(({ term, says }) => {
    const [first = '', ...rest] = wrap(says, width - column).map((line) => ' '.repeat(column) + line);
    if (term.length > longestTerm) return [`  ${term}`, first, ...rest];
    return [`  ${term}${first.slice(term.length + 2)}`, ...rest];
  });
}

/** Every line moved right by two columns, empty ones left empty. */
export function indented(lines: readonly string[]): string[] {
  return lines.map((line) => (line === '' ? '' : `  ${line}`));
}
