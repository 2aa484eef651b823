/** A small JSON file that is never half written: temporary file, fsync, rename, fsync of the directory; the previous one is kept. */

import { constants } from 'node:fs';
import { access, link, open, readFile, rename, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { RelayError } from '../errors/relay-error.js';
import { systemErrorText } from './system-error.js';

export interface JsonFile<Value> {
  /** The stored value, or null when there is none. Throws `bad-state` for a file that cannot be understood, or is gone while its previous one is there: never starts empty over existing state. */
  read(): Promise<Value | null>;
  /** Durable when it returns; throws `bad-state` where it cannot be written, and then the stored value is the one before. */
  write(value: Value): Promise<void>;
  /** Removes what a writer left that was ended in the middle; for the only one who may write. */
  removeUnfinished(): Promise<void>;
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
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
          throw new RelayError('bad-state', `cannot read ${path}: ${systemErrorText(error)}`, { cause: error });
        }
        await refuseLost(path);
        return null;
      }
      return parseState(path, text, schema);
    },
    async write(value) {
      const text = `${JSON.stringify(encode(value), null, 2)}\n`;
      try {
        await replaceFile(path, text);
      } catch (error) {
        // Half a file would take the space that the next try needs.
        await unlink(temporaryOf(path)).catch(() => undefined);
        throw unwritable(path, error);
      }
    },
    async removeUnfinished() {
      try {
        await unlinkIfThere(temporaryOf(path));
      } catch (error) {
        // On a read-only disk it may stay: nobody reads it.
        if ((error as NodeJS.ErrnoException).code !== 'EROFS') throw unwritable(path, error);
      }
    },
  };
}

const temporaryOf = (path: string) => `${path}.new`;
const previousOf = (path: string) => `${path}.previous`;

/** We never remove a file that we wrote: somebody did, or the disk lost it. */
async function refuseLost(path: string): Promise<void> {
  const previous = previousOf(path);
  const isThere = await access(previous).then(
    () => true,
    () => false,
  );
  if (!isThere) return;
  throw new RelayError('bad-state', `${path} is gone, but the state before it is in ${previous}`, {
    hint: `to go on with that: mv ${previous} ${path}; to start anew, move it away`,
  });
}

function unwritable(path: string, cause: unknown): RelayError {
  const directory = dirname(path);
  const isFull = ['ENOSPC', 'EDQUOT'].includes((cause as NodeJS.ErrnoException).code ?? '');
  return new RelayError('bad-state', `cannot write ${path}: ${systemErrorText(cause)}`, {
    hint: isFull ? `free some space there: df ${directory}` : `${directory} must be there, and writable`,
    cause,
  });
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
  if (issue?.path.join() === 'version') throw otherFormat(path, json, result.error);
  throw damaged(path, `${issue?.path.join('.') || 'content'}: ${issue?.message ?? 'unknown'}`, result.error);
}

function damaged(path: string, reason: string, cause: unknown): RelayError {
  return new RelayError('bad-state', `${path} is damaged or of another version: ${reason}`, {
    hint: `the previous state is in ${previousOf(path)}; look at both before you replace one`,
    cause,
  });
}

/** Whatever of it could be read, the rest would be lost with the first write. */
function otherFormat(path: string, json: unknown, cause: unknown): RelayError {
  const { version } = z.looseObject({ version: z.unknown() }).catch({ version: undefined }).parse(json);
  if (typeof version !== 'number') return damaged(path, 'it does not say its format', cause);
  return new RelayError('bad-state', `${path} has format ${version}, which this version of homeward does not know`, {
    hint: 'start the version that wrote it, or a newer one',
    cause,
  });
}

async function replaceFile(path: string, text: string): Promise<void> {
  const temporary = temporaryOf(path);
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
  const previous = previousOf(path);
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
