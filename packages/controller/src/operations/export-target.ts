/** Where an export is written to and read from: a file of its own, readable by us alone. */

import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, open, rename, rm } from 'node:fs/promises';
import { addAbortSignal, type Readable } from 'node:stream';
import { RelayError } from '@homeward/shared/errors/relay-error';

/** A relay of 4,000 backends with 20 forwards each takes 6 MB; a larger file is something else. */
const MAX_FILE_BYTES = 64 * 1024 * 1024;

/** Throws `conflict` where something stands that must not be replaced: to be asked before a passphrase is typed. */
export async function refuseTarget(path: string, force: boolean): Promise<void> {
  const found = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw fileError('write', path, error);
  });
  if (found === null) return;
  // As root, replacing a device by a file would break the machine.
  if (!found.isFile()) throw new RelayError('conflict', `${path} is not a file`, { hint: 'choose another name' });
  if (!force) {
    throw new RelayError('conflict', `${path} exists already`, {
      hint: 'choose another name, or replace it with --force',
    });
  }
}

/** Writes the file (0600); with `force` in the place of an older one, which is whole until the new one is. */
export async function writeExport(path: string, content: string, force: boolean): Promise<void> {
  await refuseTarget(path, force);
  try {
    await (force ? replaceFile(path, content) : writeNew(path, content));
  } catch (error) {
    throw fileError('write', path, error as NodeJS.ErrnoException);
  }
}

async function replaceFile(path: string, content: string): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}`;
  await writeNew(temporary, content);
  try {
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

async function writeNew(path: string, content: string): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } catch (error) {
    // Half an export is worse than none.
    await rm(path, { force: true });
    throw error;
  } finally {
    await file.close();
  }
}

/** Reads an export; throws `bad-input` for a file that is missing or larger than any export, `interrupted`. */
export async function readExport(path: string, signal: AbortSignal): Promise<string> {
  try {
    return await readBounded(createReadStream(path), path, signal);
  } catch (error) {
    throw error instanceof RelayError ? error : fileError('read', path, error as NodeJS.ErrnoException);
  }
}

/** The stream of bytes to its end; throws `bad-input` for more than any export, `interrupted`. */
export async function readBounded(stream: Readable, where: string, signal: AbortSignal): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  try {
    for await (const part of addAbortSignal(signal, stream) as AsyncIterable<Buffer>) {
      size += part.length;
      if (size > MAX_FILE_BYTES) throw new RelayError('bad-input', `${where} is too large to be an export of a relay`);
      parts.push(part);
    }
  } catch (error) {
    if (signal.aborted) throw new RelayError('interrupted', 'interrupted', { cause: error });
    throw error;
  }
  return Buffer.concat(parts).toString('utf8');
}

/** A path that cannot be is bad input; anything else is what the machine lacks: a right, room, a disk that works. */
function fileError(action: 'read' | 'write', path: string, error: NodeJS.ErrnoException): RelayError {
  const isPath = ['ENOENT', 'EISDIR', 'ENOTDIR', 'EEXIST'].includes(error.code ?? '');
  return new RelayError(isPath ? 'bad-input' : 'missing-capability', `cannot ${action} ${path}: ${error.message}`, {
    cause: error,
  });
}
