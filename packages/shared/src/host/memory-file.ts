/** A file without a name, in memory: what a program reads on stdin, whole from the start, and gone with us and the program. */

import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { RelayError } from '../errors/relay-error.js';
import { systemErrorText } from './system-error.js';

/** Memory, not disk: the text may hold private keys. */
const PLACE = '/dev/shm';

/** open(2): no name is ever made, so that nothing stays behind and nobody else can open it. Node has no constant for it; the bits are those of all architectures that Debian has, but for O_DIRECTORY. */
const O_TMPFILE = 0o20000000 | constants.O_DIRECTORY;

/** Open at its beginning; to be closed by the caller. Throws `missing-capability` where memory cannot be had so. */
export async function memoryFile(text: string): Promise<FileHandle> {
  let file: FileHandle | null = null;
  try {
    file = await open(PLACE, O_TMPFILE | constants.O_RDWR, 0o600);
    const bytes = Buffer.from(text);
    // At positions of its own: whoever gets the file reads from where it stands.
    for (let written = 0; written < bytes.length; ) {
      written += (await file.write(bytes, written, bytes.length - written, written)).bytesWritten;
    }
    return file;
  } catch (error) {
    await file?.close();
    throw new RelayError('missing-capability', `no file can be made in ${PLACE}: ${systemErrorText(error)}`, {
      hint: `it must be a tmpfs with free space: df ${PLACE}`,
      cause: error,
    });
  }
}
