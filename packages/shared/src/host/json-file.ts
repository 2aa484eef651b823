/** A small JSON file that is never half written: temporary file, fsync, rename, fsync of the directory; the previous one is kept. */

import { constants } from 'node:fs';
import { link, open, readFile, rename, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { RelayError } from '../errors/relay-error.js';

export interface JsonFile<Value> {
  /** The stored value, or null when there is no file. Throws `bad-state` for a file that cannot be understood: never starts empty over existing state. */
  read(): Promise<Value | null>;
  /** Durable when it returns. */
  write(value: Value): Promise<void>;
}

/** `schema` may have codecs: values are parsed when read and encoded when written, by `encode` where the schema's way takes too long. `mode` is 0600 always: what we store holds keys, or tells about them. */
export function createJsonFile<Value>(
  path: string,
  schema: z.ZodType<Value>,
  encode: (value: Value) => unknown = (value) => z.encode(schema, value),
): JsonFile<Value> {
  return {
    async read() {
      let text: string;
      try {
        text = await readFile(path, 'utf8');
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
        throw new RelayError('bad-state', `cannot read ${path}: ${(error as Error).message}`, { cause: error });
      }
      return parseState(path, text, schema);
    },
    async write(value) {
      await replaceFile(path, `${JSON.stringify(encode(value), null, 2)}\n`);
    },
  };
}

/** A value from the text of its file; throws `bad-state`. */
export function parseState<Value>(path: string, text: string, schema: z.ZodType<Value>): Value {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw damaged(path, 'it is not JSON', error);
  }
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw damaged(path, `${issue?.path.join('.') || 'content'}: ${issue?.message ?? 'unknown'}`, result.error);
}

function damaged(path: string, reason: string, cause: unknown): RelayError {
  return new RelayError('bad-state', `${path} is damaged or of another version: ${reason}`, {
    hint: `the previous state is in ${path}.previous; look at both before you replace one`,
    cause,
  });
}

async function replaceFile(path: string, text: string): Promise<void> {
  const temporary = `${path}.new`;
  // What a crash left may have another mode.
  await unlinkIfThere(temporary);
  const file = await open(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await keepPrevious(path);
  await rename(temporary, path);
  const directory = await open(dirname(path), constants.O_RDONLY);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** A hard link, so that at no moment the path itself is without a file. */
async function keepPrevious(path: string): Promise<void> {
  const previous = `${path}.previous`;
  await unlinkIfThere(previous);
  try {
    await link(path, previous);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

async function unlinkIfThere(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
