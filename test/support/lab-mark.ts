/**
 * Finds and ends everything that belongs to a lab: each of its mount namespaces holds a tmpfs named after the lab, so
 * that every process inside, however far detached, carries the lab's name in /proc/PID/mountinfo.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { poll } from './poll.js';

const namePattern = /\bhomeward-lab-(\d+)-\d+\b/;

/** A lab's name carries our process id, so that leftovers of dead runs can be told. */
export const labName = (ordinal: number): string => `homeward-lab-${process.pid}-${ordinal}`;

const labOf = (pid: number): string | undefined => {
  try {
    return readFileSync(`/proc/${pid}/mountinfo`, 'utf8').match(namePattern)?.[0];
  } catch {
    return undefined; // gone meanwhile
  }
};

const allPids = (): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);

/** The processes inside a lab's namespaces. */
export const membersOf = (lab: string): number[] => allPids().filter((pid) => labOf(pid) === lab);

const end = (pid: number): void => {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
};

/** Ends all members at once, without waiting: what an exit handler can do. */
export const endMembers = (lab: string): void => {
  for (const pid of membersOf(lab)) end(pid);
};

/** Ends all members and waits until they are gone; with the last one the kernel removes the namespaces and links. */
export const removeLab = (lab: string): Promise<true> =>
  poll(`the end of all processes of ${lab}`, 10_000, () => {
    endMembers(lab);
    return membersOf(lab).length === 0 ? true : undefined;
  });

/** A process that has ended but was not reaped by its parent (state Z) is no owner any more. */
const isAlive = (pid: number): boolean => {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
};

/** Removes the labs of processes that are no more; returns their names. */
export const sweepDeadLabs = async (): Promise<string[]> => {
  const labs = new Set(allPids().flatMap((pid) => labOf(pid) ?? []));
  const dead = [...labs].filter((lab) => !isAlive(Number(lab.match(namePattern)?.[1])));
  for (const lab of dead) await removeLab(lab);
  return dead;
};
