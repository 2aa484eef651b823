/** Asks on a terminal for what must not be seen on it. */

import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { RelayError } from '@homeward/shared/errors/relay-error';

export interface HiddenPrompt {
  /** The next line typed; throws `interrupted` for Ctrl-C, `bad-input` when the terminal ends. */
  ask(question: string): Promise<string>;
  /** Gives the terminal back as it was. */
  close(): void;
}

/** Nothing that is typed on `input` is echoed; questions go to `output`. One prompt for several questions loses no line in between. */
export function openHiddenPrompt(
  input: NodeJS.ReadableStream,
  output: NodeJS.WritableStream,
  signal: AbortSignal,
): HiddenPrompt {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  // As a terminal, readline takes over the echo, and what it would echo goes nowhere; editing keys work.
  const terminal = createInterface({ input, output: nowhere, terminal: true, historySize: 0 });
  const lines = terminal[Symbol.asyncIterator]();
  let isInterrupted = false;
  const interrupt = (): void => {
    isInterrupted = true;
    terminal.close();
  };
  terminal.on('SIGINT', interrupt);
  signal.addEventListener('abort', interrupt, { once: true });
  if (signal.aborted) interrupt();
  return {
    async ask(question) {
      output.write(question);
      const { value, done } = await lines.next();
      output.write('\n');
      if (done !== true) return value;
      if (isInterrupted) throw new RelayError('interrupted', 'interrupted');
      throw new RelayError('bad-input', 'nothing was typed');
    },
    close() {
      signal.removeEventListener('abort', interrupt);
      terminal.close();
    },
  };
}
