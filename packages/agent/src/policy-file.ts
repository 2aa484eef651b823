/** Writing the policy on the owner's own command (`enroll --allow`): the daemon never does. */

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { parseForward } from '@homeward/shared/net/forward-spec';
import { parseIpv4Prefix } from '@homeward/shared/net/ipv4';
import { DEFAULT_PORTS, type PolicyFile, parsePolicy } from './policy.js';

/** Adds ports and LAN prefixes to the policy; without either nothing is written. A first `--allow` keeps all other ports allowed. */
export async function allowInPolicy(path: string, ports: readonly string[], lan: readonly string[]): Promise<void> {
  if (ports.length === 0 && lan.length === 0) return;
  for (const spec of ports) parseForward(spec);
  for (const prefix of lan) parseIpv4Prefix(prefix);
  const before = await readExisting(path);
  const after: PolicyFile = {
    ...before,
    ...(ports.length === 0 ? {} : { ports: union(before.ports ?? DEFAULT_PORTS, ports) }),
    ...(lan.length === 0 ? {} : { lan: union(before.lan ?? [], lan) }),
  };
  parsePolicy(path, after);
  await mkdir(dirname(path), { recursive: true, mode: 0o755 });
  await writeFile(path, `${JSON.stringify(after, null, 2)}\n`, { mode: 0o644 });
}

async function readExisting(path: string): Promise<PolicyFile> {
  try {
    const content: PolicyFile = JSON.parse(await readFile(path, 'utf8'));
    parsePolicy(path, content);
    return content;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw error;
  }
}

function union(present: readonly string[], added: readonly string[]): string[] {
  return [...new Set([...present, ...added])];
}
