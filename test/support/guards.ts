/** The guards of changes, as processes that a lab's machines run. */
import { readFileSync } from 'node:fs';
import type { Program } from './homeward.js';
import type { Lab } from './lab.js';
import { membersOf } from './lab-mark.js';
import { poll } from './poll.js';

const commandLine = (pid: number): string[] => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').filter(Boolean);
  } catch {
    return []; // gone meanwhile
  }
};

/** Process ids of the guards of that side, on whichever machine. */
export const guardsOf = (lab: Lab, side: Program): number[] =>
  membersOf(lab.name).filter((pid) => {
    const words = commandLine(pid);
    return words.some((word) => word.endsWith(`/${side}.js`)) && words.includes('guard');
  });

export const noGuardLeft = (lab: Lab, limitMs = 5_000): Promise<true> =>
  poll('the end of all guards', limitMs, () => {
    const left = [...guardsOf(lab, 'controller'), ...guardsOf(lab, 'agent')];
    if (left.length > 0) throw new Error(left.map((pid) => commandLine(pid).join(' ')).join('\n'));
    return true;
  });
