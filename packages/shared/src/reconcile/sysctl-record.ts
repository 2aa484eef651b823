/** Which sysctls to remember before they are written, and which may be put back at teardown: pure. */

import type { Sysctl } from '../state/resources.js';
import type { LedgerRecord } from './ledger.js';

/** Writing these makes the kernel change others as well (inet_forward_change in net/ipv4/devinet.c). */
const SIDE_EFFECTS: Readonly<Record<string, readonly string[]>> = {
  'net/ipv4/ip_forward': ['net/ipv4/conf/all/accept_redirects'],
};

/** Paths whose present values must be known before the sysctls are written. Those of our own links vanish with the link. */
export function pathsToRecord(sysctls: readonly Sysctl[], isOurLink: (name: string) => boolean): string[] {
  return sysctls
    .map((sysctl) => sysctl.path)
    .filter((path) => !isOurLink(/\/conf\/([^/]+)\//.exec(path)?.[1] ?? ''))
    .flatMap((path) => [path, ...(SIDE_EFFECTS[path] ?? [])]);
}

/** The ledger with the values found before the first write; what is already recorded stays. */
export function recordSysctls(
  ledger: LedgerRecord,
  written: readonly Sysctl[],
  found: ReadonlyMap<string, string | null>,
  foreignLinks: readonly string[],
): LedgerRecord {
  const sysctls = { ...ledger.sysctls };
  for (const [path, before] of found) {
    if (before === null || Object.hasOwn(sysctls, path)) continue;
    const ours = written.find((sysctl) => sysctl.path === path)?.value ?? before;
    sysctls[path] = { before, ours, links: [...foreignLinks] };
  }
  return { ...ledger, sysctls };
}

export interface SysctlRestoration {
  /** Values to write back. */
  readonly restore: readonly Sysctl[];
  /** What stays, and why; one line each. */
  readonly kept: readonly string[];
}

/**
 * What of the recorded sysctls goes back. One that somebody changed since, or that a link made since may rely on,
 * stays as it is.
 */
export function sysctlRestoration(
  ledger: LedgerRecord,
  present: ReadonlyMap<string, string | null>,
  foreignLinks: readonly string[],
): SysctlRestoration {
  const restore: Sysctl[] = [];
  const kept: string[] = [];
  const sideEffects = new Set(Object.values(SIDE_EFFECTS).flat());
  for (const [path, record] of Object.entries(ledger.sysctls)) {
    const now = present.get(path) ?? null;
    const newLinks = foreignLinks.filter((link) => !record.links.includes(link));
    if (now === null) continue;
    if (sideEffects.has(path)) {
      if (!kept.some((line) => line.startsWith('sysctl net/ipv4/ip_forward')))
        restore.push({ kind: 'sysctl', path, value: record.before });
    } else if (record.before === record.ours) {
      // It already was as we need it: nothing was written.
    } else if (now !== record.ours) {
      kept.push(`sysctl ${path} stays ${now}: somebody changed it since homeward set ${record.ours}`);
    } else if (newLinks.length > 0) {
      kept.push(`sysctl ${path} stays ${now}: ${newLinks.join(', ')} came since and may rely on it`);
    } else {
      restore.push({ kind: 'sysctl', path, value: record.before });
    }
  }
  return { restore, kept };
}
