/**
 * The audit log's files: lines are only ever appended, a full file gets a name of its own, the oldest go.
 *
 *     controller-audit.jsonl   controller-audit.20260101T000000000Z-412.jsonl   …
 *
 * INVARIANTS
 * - A line is one write to a file opened with O_APPEND: lines of several processes do not mix.
 * - A full file is renamed to a name with time and process id, never to one that is taken: of two processes that rotate at
 *   the same moment none overwrites what the other put away.
 */

import { constants } from 'node:fs';
import { type FileHandle, open, readdir, rename, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { RelayError } from '../errors/relay-error.js';

export interface AuditFileLimits {
  /** Of one file. */
  readonly maxBytes: number;
  /** Files in all, with the present one. */
  readonly files: number;
}

/** 20 MiB in all, some 80,000 entries: years of a quiet relay, weeks of one under a flood. */
export const AUDIT_LIMITS: AuditFileLimits = { maxBytes: 4 * 1024 * 1024, files: 5 };

const END = '.jsonl';
const NEWLINE = 0x0a;

/** Where one side's audit log is. */
export function auditPath(stateDir: string, program: string): string {
  return join(stateDir, `${program}-audit${END}`);
}

/** Appends a line (without its end), 0600, durable when it returns. Throws system errors, such as of a full disk. */
export async function appendLine(
  path: string,
  line: string,
  { maxBytes, files }: AuditFileLimits = AUDIT_LIMITS,
): Promise<void> {
  let file = await openForAppend(path);
  try {
    let { size } = await file.stat();
    if (size > 0 && size + line.length > maxBytes) {
      await rotate(path, file, files);
      await file.close();
      file = await openForAppend(path);
      size = (await file.stat()).size;
    }
    // What a crash or a full disk has torn must not take this line with it.
    const begin = size > 0 && !(await endsWithNewline(file, size)) ? '\n' : '';
    const bytes = Buffer.from(`${begin}${line}\n`);
    const { bytesWritten } = await file.write(bytes);
    if (bytesWritten < bytes.length) throw new RelayError('command-failed', `${path}: no space left for a whole line`);
    await file.datasync();
  } finally {
    await file.close();
  }
}

function openForAppend(path: string): Promise<FileHandle> {
  const flags = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW;
  return open(path, flags, 0o600);
}

async function endsWithNewline(file: FileHandle, size: number): Promise<boolean> {
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1);
  return buffer[0] === NEWLINE;
}

/** Another process may have done it meanwhile: then the file that is open here has its new name already. */
async function rotate(path: string, file: FileHandle, files: number): Promise<void> {
  const [open, present] = await Promise.all([file.stat(), stat(path).catch(() => null)]);
  if (present === null || open.ino !== present.ino) return;
  // Gone by now: the other one was quicker.
  await rename(path, await freeName(path)).catch(ignoreMissing);
  const old = await rotatedFiles(path);
  for (const name of old.slice(0, Math.max(0, old.length - (files - 1)))) await unlink(name).catch(ignoreMissing);
}

async function freeName(path: string): Promise<string> {
  for (let ms = Date.now(); ; ms += 1) {
    const time = new Date(ms).toISOString().replace(/[-:.]/g, '');
    const name = `${path.slice(0, -END.length)}.${time}-${process.pid}${END}`;
    if ((await stat(name).catch(ignoreMissing)) === undefined) return name;
  }
}

/** Full files of the log, the oldest first. */
export async function rotatedFiles(path: string): Promise<string[]> {
  const begin = `${basename(path, END)}.`;
  const names = (await readdir(dirname(path))).filter((name) => name.startsWith(begin) && name.endsWith(END));
  return names.sort().map((name) => join(dirname(path), name));
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
  return undefined;
}
