/** `--watch` and `--interval`, the same for both sides' `status`. */

import type { Console } from './console.js';
import { parseDuration } from './duration.js';
import type { DocumentedCommand } from './manual/documented-command.js';
import { type Look, watch } from './watch.js';

export interface WatchFlags {
  readonly watch?: boolean;
  readonly interval: string;
}

export function addWatchOptions(command: DocumentedCommand): DocumentedCommand {
  return command
    .option('--watch', 'show it again and again, in place; one JSON document a line with --json or into a pipe')
    .option('--interval <time>', 'with --watch: the pause between two looks', '2s');
}

export interface Shown<Document> {
  /** The command line, for the first line on a terminal. */
  readonly title: string;
  ask(): Promise<Document>;
  /** `before` is null when it is shown only once. */
  lines(now: Look<Document>, before: Look<Document> | null): readonly string[];
}

/** Shows a document once, or with `--watch` until the signal aborts. */
export async function showOrWatch<Document extends object>(
  { title, ask, lines }: Shown<Document>,
  flags: WatchFlags,
  console: Console,
  signal: AbortSignal,
): Promise<void> {
  const intervalMs = parseDuration(flags.interval, '--interval');
  if (flags.watch === true) {
    return watch({ title, intervalMs, ask, lines, json: console.json, stdout: process.stdout }, signal);
  }
  const document = await ask();
  console.document(document);
  if (console.json) return;
  for (const line of lines({ document, at: new Date(), clockMs: performance.now() }, null)) console.line(line);
}
