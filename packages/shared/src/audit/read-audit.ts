/** Reads the audit log, the oldest entry first, and follows it; needs no daemon. */

import { type FileHandle, open, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { RelayError } from '../errors/relay-error.js';
import { systemErrorText } from '../host/system-error.js';
import { rotatedFiles } from './audit-file.js';
import { type AuditRecord, parseRecord } from './record.js';

const CHUNK_BYTES = 65_536;
/** Ours are below a tenth of it: what is longer is no line of ours. */
const LONGEST_LINE = 262_144;
const FOLLOW_POLL_MS = 300;

export interface ReadOptions {
  /** Earlier ones are left out. */
  readonly since: Date | null;
  /** Goes on with what is appended until it aborts; null ends with what is there. */
  readonly follow: AbortSignal | null;
}

/** Gives each entry, and null for a line that is none. Throws `permission` where the log may not be read. */
export async function* readAudit(path: string, options: ReadOptions): AsyncGenerator<AuditRecord | null> {
  const since = options.since?.toISOString() ?? '';
  for await (const line of auditLines(path, options.follow)) {
    const record = parseRecord(line);
    if (record === null || record.time >= since) yield record;
  }
}

/** Each file to its end, then the one after it; the present one is the last, or is followed until it is rotated. */
async function* auditLines(path: string, follow: AbortSignal | null): AsyncGenerator<string> {
  let file = await fileAfter(path, null);
  try {
    while (file !== null || follow?.aborted === false) {
      const lines = file === null ? null : createLines(file);
      while (file === null || (await isStill(path, file))) {
        if (lines !== null) yield* lines.rest(false);
        if (follow === null || follow.aborted) break;
        await sleep(FOLLOW_POLL_MS, undefined, { signal: follow }).catch(() => undefined);
        if (file === null) break;
      }
      if (lines !== null) yield* lines.rest(true);
      const isLast: boolean = file !== null && (follow === null || follow.aborted) && (await isStill(path, file));
      const next: FileHandle | null = isLast ? null : await fileAfter(path, file);
      await file?.close();
      file = next;
      if (isLast) return;
    }
  } finally {
    await file?.close();
  }
}

/** The oldest of the files after that one, or of all; null where there is none. */
async function fileAfter(path: string, file: FileHandle | null): Promise<FileHandle | null> {
  // The present one first: if it is rotated meanwhile, it is found among the others.
  const present = await openIfThere(path);
  const names = await rotatedIn(path);
  const inodes = await Promise.all(names.map(async (name) => (await stat(name).catch(() => null))?.ino));
  const from = file === null ? 0 : inodes.indexOf((await file.stat()).ino) + 1;
  for (const name of names.slice(from)) {
    const found = await openIfThere(name);
    if (found === null) continue;
    await present?.close();
    return found;
  }
  return present;
}

interface Lines {
  /** What is new since the last time; at the `end` of the file also a last line without its end. */
  rest(end: boolean): AsyncGenerator<string>;
}

function createLines(file: FileHandle): Lines {
  let position = 0;
  let pending: Buffer = Buffer.alloc(0);
  return {
    async *rest(end) {
      for (;;) {
        const { bytesRead, buffer } = await file.read(Buffer.alloc(CHUNK_BYTES), 0, CHUNK_BYTES, position);
        if (bytesRead === 0) break;
        position += bytesRead;
        const parts = splitLines(Buffer.concat([pending, buffer.subarray(0, bytesRead)]));
        pending = parts.rest.length > LONGEST_LINE ? Buffer.alloc(0) : parts.rest;
        yield* parts.lines;
      }
      if (!end || pending.length === 0) return;
      yield pending.toString('utf8');
      pending = Buffer.alloc(0);
    },
  };
}

function splitLines(bytes: Buffer): { lines: string[]; rest: Buffer } {
  const end = bytes.lastIndexOf('\n');
  if (end === -1) return { lines: [], rest: bytes };
  const lines = bytes.toString('utf8', 0, end).split('\n');
  return { lines: lines.filter((line) => line !== ''), rest: Buffer.from(bytes.subarray(end + 1)) };
}

async function isStill(path: string, file: FileHandle): Promise<boolean> {
  const [now, opened] = await Promise.all([stat(path).catch(() => null), file.stat()]);
  return now?.ino === opened.ino;
}

async function rotatedIn(path: string): Promise<string[]> {
  return rotatedFiles(path).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw unreadable(path, error);
  });
}

/** Null where there is none. */
async function openIfThere(path: string): Promise<FileHandle | null> {
  try {
    return await open(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw unreadable(path, error);
  }
}

function unreadable(path: string, error: unknown): RelayError {
  return new RelayError('permission', `cannot read the audit log ${path}: ${systemErrorText(error)}`, {
    hint: 'run as root, or name the state directory with --state-dir',
    cause: error,
  });
}
