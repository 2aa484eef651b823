/** Who is at the other end of a unix socket: node does not tell (SO_PEERCRED), so the kernel's list of sockets is asked (ss(8)). */

import { readFile, readlink } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { command } from '../host/command.js';
import type { Runner } from '../host/runner.js';

/** A process, as far as it can be known. */
export interface Caller {
  readonly uid: number | null;
  readonly pid: number | null;
  /** Who logged in, also behind sudo; null where nobody did (a service, a container). */
  readonly loginUid: number | null;
}

export const UNKNOWN_CALLER: Caller = { uid: null, pid: null, loginUid: null };

/** The kernel's word for nobody (pam_loginuid(8)). */
const NO_LOGIN = 0xffff_ffff;

/** Never rejects: what cannot be known is null. The caller has to wait meanwhile, or it is gone. */
export async function callerOf(socket: Socket, runner: Runner): Promise<Caller> {
  try {
    const inode = await inodeOf(socket);
    const pid = inode === null ? null : peerPid(await runner.run(command('ss', ['-H', '-x', '-n', '-p'])), inode);
    return pid === null ? UNKNOWN_CALLER : await processOf(pid);
  } catch {
    // Without the right to look at other processes, or the caller has hung up.
    return UNKNOWN_CALLER;
  }
}

/** This very process, for commands that need no daemon. */
export function thisProcess(): Promise<Caller> {
  return processOf(process.pid);
}

async function inodeOf(socket: Socket): Promise<string | null> {
  const { fd } = (socket as Socket & { readonly _handle?: { readonly fd?: number } })._handle ?? {};
  if (fd === undefined || fd < 0) return null;
  return /^socket:\[(\d+)\]$/.exec(await readlink(`/proc/self/fd/${fd}`))?.[1] ?? null;
}

/**
 * The first process that holds the socket whose peer has that inode, or null. A line ends with the peer's inode and the
 * socket's users: `… * 182366 * 182365 users:(("node",pid=5227,fd=28))`.
 */
export function peerPid(listing: string, inode: string): number | null {
  for (const line of listing.split('\n')) {
    const [, peer, pid] = /\s(\d+)\s+users:\(\(.*?,pid=(\d+),fd=\d+\)/.exec(line) ?? [];
    if (peer === inode) return Number(pid);
  }
  return null;
}

async function processOf(pid: number): Promise<Caller> {
  const [status, login] = await Promise.all([
    readFile(`/proc/${pid}/status`, 'utf8'),
    readFile(`/proc/${pid}/loginuid`, 'utf8').catch(() => ''),
  ]);
  const uid = /^Uid:\s+(\d+)/m.exec(status)?.[1];
  const loginUid = login === '' ? NO_LOGIN : Number(login);
  return { uid: uid === undefined ? null : Number(uid), pid, loginUid: loginUid === NO_LOGIN ? null : loginUid };
}
