/** Does a fault again and again while traffic passes, and measures what it cost. */
import { childrenOf } from '../children.js';
import type { LabNode } from '../lab-node.js';
import { poll } from '../poll.js';
import type { Running } from '../running.js';
import type { Fault } from './fault.js';
import type { Passed, Traffic } from './traffic.js';

/** One time. */
export interface Repetition {
  /** From the end of the damaging command until the kernel was seen as before. */
  readonly healedMs: number;
  /** Until the flows were answered again. */
  readonly before: Passed;
  readonly after: Passed;
}

/** A daemon, and the machine it keeps. */
export interface Kept {
  readonly node: LabNode;
  readonly daemon: () => Running;
}

const limitMs = 20_000;

/** The two monitors of nft and ip; whatever else runs beside them is a look or a repair. */
const monitors = 2;
/** So many looks in a row, 20 ms apart, without anything else running. */
const quietLooks = 3;

/** Waits until the daemon has mended what it had to, and has looked at the whole. */
const settled = async ({ daemon }: Kept): Promise<void> => {
  const { pid, command } = daemon();
  let quiet = 0;
  await poll(`quiet of ${command}`, limitMs, () => {
    quiet = childrenOf(pid).length === monitors ? quiet + 1 : 0;
    return quiet >= quietLooks ? true : undefined;
  });
};

const once = async (fault: Fault, kept: Kept, traffic: Traffic): Promise<Repetition> => {
  await settled(kept);
  await traffic.flows(limitMs);
  const before = traffic.now();
  const whole = await fault.look(kept.node);
  await fault.damage(kept.node);
  const damagedAt = performance.now();
  const healedAt = await poll(`the end of: ${fault.name}`, limitMs, async () => {
    const lookedAt = performance.now();
    const now = await fault.look(kept.node);
    if (now === whole) return lookedAt;
    const [was, is] = [whole.split('\n'), now.split('\n')];
    const missing = was.filter((line) => !is.includes(line)).map((line) => `- ${line}`);
    const added = is.filter((line) => !was.includes(line)).map((line) => `+ ${line}`);
    throw new Error(`not as before:\n${[...missing, ...added].join('\n')}`);
  });
  await traffic.flows(limitMs);
  return { healedMs: Math.max(0, healedAt - damagedAt), before, after: traffic.now() };
};

export const repeat = async (fault: Fault, kept: Kept, traffic: Traffic, times: number): Promise<Repetition[]> => {
  const repetitions: Repetition[] = [];
  for (let time = 0; time < times; time += 1) repetitions.push(await once(fault, kept, traffic));
  return repetitions;
};

/** The middle value; of an even number of values, the mean of both. */
export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const [low = 0, high = 0] = [sorted[middle - 1], sorted[middle]];
  return sorted.length % 2 === 0 ? (low + high) / 2 : high;
};
