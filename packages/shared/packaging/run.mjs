/** Runs a command of packaging; what it says on failure is the error. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

export const run = async (file, args, env = {}) =>
  (await promisify(execFile)(file, args, { env: { ...process.env, LC_ALL: 'C', ...env } })).stdout;
