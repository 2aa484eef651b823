/** Children of a process, from /proc: not every kernel lists them by itself. */
import { readdirSync, readFileSync } from 'node:fs';

/** proc(5): the parent's number is the second field behind the name, which may hold anything, in parentheses. */
const parentOf = (pid: string): number | null => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return null; // it has ended meanwhile
  }
};

export const childrenOf = (pid: number): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && parentOf(name) === pid)
    .map(Number);
