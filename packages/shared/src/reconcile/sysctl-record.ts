/** Which sysctls to remember before they are written, and which may be put back at teardown: pure. */

import { FORWARDING, linkForwarding } from '../kernel/forwarding-guard.js';
import type { Family } from '../net/address.js';
import type { Sysctl } from '../state/resources.js';
import type { LedgerRecord } from './ledger.js';

/**
 * What the kernel changes as well when a sysctl is written (inet_forward_change in net/ipv4/devinet.c,
 * addrconf_fixup_forwarding in net/ipv6/addrconf.c).
 */
function sideEffects(path: string, foreignLinks: readonly string[]): string[] {
  const links = (family: Family) => ['default', 'lo', ...foreignLinks].map((link) => linkForwarding(family, link));
  if (path === FORWARDING.ipv4) return ['net/ipv4/conf/all/accept_redirects', ...links('ipv4')];
  return path === FORWARDING.ipv6 ? links('ipv6') : [];
}

/** Paths whose present values must be known before the sysctls are written. Those of our own links vanish with the link. */
export function pathsToRecord(
  sysctls: readonly Sysctl[],
  foreignLinks: readonly string[],
  isOurLink: (name: string) => boolean,
): string[] {
  return sysctls
    .map((sysctl) => sysctl.path)
    .filter((path) => !isOurLink(/\/conf\/([^/]+)\//.exec(path)?.[1] ?? ''))
    .flatMap((path) => [path, ...sideEffects(path, foreignLinks)]);
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
  const newLinks = (record: { links: readonly string[] }) =>
    foreignLinks.filter((link) => !record.links.includes(link));
  const restore: Sysctl[] = [];
  const kept: string[] = [];
  const keptPaths = new Set<string>();
  // A switch stands before its side effects, in the record as in the kernel: written after it, they stay as written.
  for (const [path, record] of Object.entries(ledger.sysctls)) {
    const now = present.get(path) ?? null;
    if (now === null || sideEffectOfKept(path, keptPaths, foreignLinks)) continue;
    const isWritten = record.before !== record.ours;
    // Back already: a teardown was cut off after it.
    const isBack = now === record.before;
    if (isWritten && !isBack && now !== record.ours) {
      kept.push(`sysctl ${path} stays ${now}: somebody changed it since homeward set ${record.ours}`);
      keptPaths.add(path);
    } else if (isWritten && !isBack && newLinks(record).length > 0) {
      kept.push(`sysctl ${path} stays ${now}: ${newLinks(record).join(', ')} came since and may rely on it`);
      keptPaths.add(path);
    } else if (isWritten || !isChangedSince(path, record.before, now, ledger, present)) {
      restore.push({ kind: 'sysctl', path, value: record.before });
    }
  }
  return { restore, kept };
}

/**
 * Whether somebody else set a side effect since. Switched on, forwarding makes every link forward and (IPv4) all accept
 * no redirects; switched off again, the reverse. A value that is neither that nor the former one is somebody's.
 */
function isChangedSince(
  path: string,
  before: string,
  now: string,
  ledger: LedgerRecord,
  present: ReadonlyMap<string, string | null>,
): boolean {
  const switchPath = path.startsWith('net/ipv6/') ? FORWARDING.ipv6 : FORWARDING.ipv4;
  const switched = ledger.sysctls[switchPath];
  const isSwitched = switched !== undefined && switched.before !== switched.ours;
  const isOn = (present.get(switchPath) ?? '0') !== '0';
  const effect = path.endsWith('/forwarding') === isOn ? '1' : '0';
  return now !== before && !(isSwitched && now === effect);
}

function sideEffectOfKept(path: string, kept: ReadonlySet<string>, foreignLinks: readonly string[]): boolean {
  return [...kept].some((switched) => sideEffects(switched, foreignLinks).includes(path));
}
