/** Writing the policy on the owner's own command (`enroll --allow`): the daemon never does. */

import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { DEFAULT_PORTS, type PolicyFile, parseJson, parsePolicy } from './policy.js';

/**
 * Adds ports and LAN prefixes to the policy; without either nothing is written. A first `--allow` keeps all other ports
 * allowed. Gives what undoes it.
 */
export async function allowInPolicy(
  path: string,
  ports: readonly string[],
  lan: readonly string[],
): Promise<() => Promise<void>> {
  if (ports.length === 0 && lan.length === 0) return async () => undefined;
  // Errors in what was typed are told by the flags' names, not as errors of the file.
  parsePolicy('--allow', { ports });
  parsePolicy('--allow-lan', { lan });
  const before = await readExisting(path);
  const after: PolicyFile = {
    ...before,
    ...(ports.length === 0 ? {} : { ports: union(before.ports ?? DEFAULT_PORTS, ports) }),
    ...(lan.length === 0 ? {} : { lan: union(before.lan ?? [], lan) }),
  };
  parsePolicy(path, after);
  await mkdir(dirname(path), { recursive: true, mode: 0o755 });
  const textBefore = await textOf(path);
  await writeFile(path, `${JSON.stringify(after, null, 2)}\n`, { mode: 0o644 });
  return () => (textBefore === null ? rm(path) : writeFile(path, textBefore));
}

async function readExisting(path: string): Promise<PolicyFile> {
  const text = await textOf(path);
  if (text === null) return {};
  const content = parseJson(path, text);
  parsePolicy(path, content);
  return content as PolicyFile;
}

async function textOf(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

function union(present: readonly string[], added: readonly string[]): string[] {
  return [...new Set([...present, ...added])];
}
