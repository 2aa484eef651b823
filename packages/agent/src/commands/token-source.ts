/** Where a token comes from: a file, the environment, stdin or a question on the terminal. Never an argument. */

import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline/promises';
import { text } from 'node:stream/consumers';
import { RelayError } from '@homeward/shared/errors/relay-error';
import { systemErrorText } from '@homeward/shared/host/system-error';
import { Secret } from '@homeward/shared/net/secret';

/** The token of the file or of `HOMEWARD_TOKEN`, or null. The variable is dropped from the process once read. */
export async function tokenFromFileOrEnvironment(file: string | undefined): Promise<Secret | null> {
  const fromEnvironment = process.env['HOMEWARD_TOKEN'];
  delete process.env['HOMEWARD_TOKEN'];
  if (file !== undefined) return new Secret(await readTokenFile(file));
  return fromEnvironment === undefined || fromEnvironment.trim() === '' ? null : new Secret(fromEnvironment.trim());
}

/** Asks on a terminal, else reads stdin to its end. Throws `bad-input` when nothing came. */
export async function tokenFromStdin(signal: AbortSignal): Promise<Secret> {
  const given = process.stdin.isTTY === true ? await ask(signal) : await text(process.stdin);
  if (given.trim() !== '') return new Secret(given.trim());
  throw new RelayError('bad-input', 'no token was given', {
    hint: 'at the relay run: controller pair NAME; then paste its token into: agent enroll',
  });
}

/** Refuses a token as argument: arguments are seen by every user of the machine and stay in the shell's history. */
export function refuseTokenArgument(given: readonly string[]): void {
  if (given.length === 0) return;
  throw new RelayError(
    'bad-input',
    'a token does not belong on the command line, where others and the history see it',
    {
      hint: 'run agent enroll and paste it, or: agent enroll < FILE, or --token-file FILE',
    },
  );
}

const FILE_HINT = 'put the token into it that controller pair printed at the relay';

async function readTokenFile(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new RelayError('bad-input', `cannot read the token file ${file}: ${systemErrorText(error)}`, {
      hint: FILE_HINT,
      cause: error,
    });
  });
  if (text.trim() === '') throw new RelayError('bad-input', `the token file ${file} is empty`, { hint: FILE_HINT });
  return text.trim();
}

async function ask(signal: AbortSignal): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await terminal.question('Paste the token from the relay: ', { signal });
  } catch (error) {
    throw new RelayError('interrupted', 'interrupted', { cause: error });
  } finally {
    terminal.close();
  }
}
