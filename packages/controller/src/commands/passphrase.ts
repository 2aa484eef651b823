/** Where the passphrase of an export comes from: a file, the environment, or a question on the terminal. Never an argument. */

import { readFile } from 'node:fs/promises';
import { RelayError } from '@homeward/shared/errors/relay-error';
import { Secret } from '@homeward/shared/net/secret';
import { openHiddenPrompt } from './hidden-prompt.js';

export interface PassphraseOptions {
  /** `--passphrase-file`; goes before the environment. */
  readonly file: string | undefined;
  /** Asked again, since a mistyped one would make a file that nobody can open. */
  readonly twice: boolean;
  /** Null where nobody can be asked. */
  readonly terminal: { readonly input: NodeJS.ReadableStream; readonly output: NodeJS.WritableStream } | null;
}

/** `HOMEWARD_PASSPHRASE`, or undefined; the variable is dropped from the process once read. */
export function passphraseFromEnvironment(): string | undefined {
  const given = process.env['HOMEWARD_PASSPHRASE'];
  delete process.env['HOMEWARD_PASSPHRASE'];
  return given === '' ? undefined : given;
}

/** Throws `bad-input` when there is none, or when the two that were typed differ; `interrupted`. */
export async function readPassphrase(options: PassphraseOptions, signal: AbortSignal): Promise<Secret> {
  const fromEnvironment = passphraseFromEnvironment();
  if (options.file !== undefined) return checked(await readPassphraseFile(options.file));
  if (fromEnvironment !== undefined) return checked(fromEnvironment);
  if (options.terminal !== null) return checked(await ask(options.terminal, options.twice, signal));
  throw new RelayError('bad-input', 'no passphrase was given, and there is no terminal to ask on', {
    hint: 'give it with --passphrase-file FILE or in HOMEWARD_PASSPHRASE',
  });
}

function checked(passphrase: string): Secret {
  if (passphrase !== '') return new Secret(passphrase);
  throw new RelayError('bad-input', 'the passphrase is empty', { hint: 'several random words make a good one' });
}

/** The first line, without its end: editors add one. */
async function readPassphraseFile(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).split(/\r?\n/, 1)[0] ?? '';
  } catch (error) {
    throw new RelayError('bad-input', `cannot read the passphrase file ${file}: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

async function ask(
  { input, output }: NonNullable<PassphraseOptions['terminal']>,
  twice: boolean,
  signal: AbortSignal,
): Promise<string> {
  const prompt = openHiddenPrompt(input, output, signal);
  try {
    const typed = await prompt.ask('Passphrase: ');
    if (!twice || (await prompt.ask('Once more: ')) === typed) return typed;
    throw new RelayError('bad-input', 'the two passphrases differ; nothing was written');
  } finally {
    prompt.close();
  }
}
