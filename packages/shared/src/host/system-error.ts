/** What the operating system said, in words: `no such file or directory` for ENOENT. */

import { getSystemErrorMap } from 'node:util';

/** The words of a failed system call, or the message of any other error. */
export function systemErrorText(error: unknown): string {
  const { errno, message } = error as NodeJS.ErrnoException;
  return (errno === undefined ? undefined : getSystemErrorMap().get(errno)?.[1]) ?? message;
}
