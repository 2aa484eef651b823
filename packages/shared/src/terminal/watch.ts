/** Looks at something again and again: in place on a terminal, else as one JSON document a line. */

import { setTimeout as sleep } from 'node:timers/promises';
import { type RelayError, toRelayError } from '../errors/relay-error.js';
import { openScreen, type TerminalStream } from './screen.js';

/** One look. */
export interface Look<Document> {
  readonly document: Document;
  readonly at: Date;
  /** Milliseconds of a clock that only goes forward, for rates. */
  readonly clockMs: number;
}

/** Since when, and why, there is nothing new. */
interface Outage {
  readonly error: RelayError;
  readonly since: Date;
}

export interface WatchOptions<Document> {
  /** What is watched, for the first line on the terminal: `controller status`. */
  readonly title: string;
  readonly intervalMs: number;
  ask(): Promise<Document>;
  /** For people; `before` is the look before this one, at first this one itself. */
  lines(now: Look<Document>, before: Look<Document>): readonly string[];
  /** JSON lines although it is a terminal. */
  readonly json: boolean;
  readonly stdout: TerminalStream & { readonly isTTY?: boolean };
}

interface Seen<Document> {
  readonly now: Look<Document>;
  readonly before: Look<Document>;
  readonly outage: Outage | null;
}

interface Output<Document> {
  show(seen: Seen<Document>): void;
  close(): void;
}

/** Until the signal aborts. A first look that fails throws; later ones are told, and it goes on trying. */
export async function watch<Document extends object>(
  options: WatchOptions<Document>,
  signal: AbortSignal,
): Promise<void> {
  const first = await look(options.ask);
  let seen: Seen<Document> = { now: first, before: first, outage: null };
  const output = outputFor(options);
  try {
    while (!signal.aborted) {
      output.show(seen);
      await sleep(options.intervalMs, undefined, { signal }).catch(() => undefined);
      if (!signal.aborted) seen = await lookAgain(options.ask, seen);
    }
  } finally {
    output.close();
  }
}

async function lookAgain<Document>(ask: () => Promise<Document>, seen: Seen<Document>): Promise<Seen<Document>> {
  try {
    return { now: await look(ask), before: seen.now, outage: null };
  } catch (error) {
    return { ...seen, outage: { error: toRelayError(error), since: seen.outage?.since ?? new Date() } };
  }
}

async function look<Document>(ask: () => Promise<Document>): Promise<Look<Document>> {
  const document = await ask();
  return { document, at: new Date(), clockMs: performance.now() };
}

function outputFor<Document extends object>(options: WatchOptions<Document>): Output<Document> {
  return options.json || options.stdout.isTTY !== true ? jsonLines(options) : onScreen(options);
}

function jsonLines<Document extends object>({ stdout }: WatchOptions<Document>): Output<Document> {
  return {
    show({ now, outage }) {
      const line = outage === null ? { ...now.document, at: now.at } : { ...outageDocument(outage), at: new Date() };
      stdout.write(`${JSON.stringify(line)}\n`);
    },
    close: () => undefined,
  };
}

function outageDocument({ error: { code, message, hint }, since }: Outage): object {
  return { ok: false, error: { code, message, hint: hint ?? null }, since };
}

function onScreen<Document>({ title, intervalMs, lines, stdout }: WatchOptions<Document>): Output<Document> {
  const screen = openScreen(stdout);
  const seconds = intervalMs / 1000;
  return {
    show({ now, before, outage }) {
      const head =
        outage === null
          ? [`${title}, every ${seconds} s, ${time(now.at)}; Ctrl-C ends`]
          : [
              `${title}: no answer since ${time(outage.since)}; trying again every ${seconds} s`,
              `${outage.error.message}; as it was at ${time(now.at)}:`,
            ];
      screen.show([...head, '', ...lines(now, before)]);
    },
    close: () => screen.close(),
  };
}

/** As the clock on the wall: `14:05:09`. */
function time(date: Date): string {
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map((part) => String(part).padStart(2, '0')).join(':');
}
