/** Runs targets on inputs that follow from seed, target and number alone, so that each can be run again. */

import { cpuUsage } from 'node:process';
import { randomOf } from './random.js';
import type { Target } from './target.js';

/** Of processor time, not of the clock: a busy machine is no finding. Honest inputs take a thousandth of it. */
const LONGEST_MS = 3_000;

export interface Finding {
  readonly target: string;
  /** Which execution, to make the input again. */
  readonly number: number;
  readonly input: Buffer;
  readonly error: unknown;
}

export function inputOf(target: Target, seed: number, number: number): Buffer {
  return target.make(randomOf(seed, target.name, number));
}

/** Null, or what the target threw, or that it took too long. */
export function execute(target: Target, input: Buffer): unknown {
  const before = cpuUsage();
  try {
    target.run(input);
  } catch (error) {
    return error ?? new Error('it threw nothing');
  }
  const { user } = cpuUsage(before);
  return user / 1000 > LONGEST_MS ? new Error(`it took ${Math.round(user / 1000)} ms`) : null;
}

/** Which targets run how often, of that many executions in all. */
export function shares(targets: readonly Target[], runs: number): ReadonlyMap<Target, number> {
  const weight = ({ cost = 1 }: Target) => 1 / cost;
  const sum = targets.reduce((total, target) => total + weight(target), 0);
  return new Map(targets.map((target) => [target, Math.ceil((runs * weight(target)) / sum)]));
}

/** Findings of a target's executions `from` to below `to`; `onNumber` hears of each before it runs. */
export function* findings(
  target: Target,
  seed: number,
  from: number,
  to: number,
  onNumber: (number: number) => void = () => undefined,
): Generator<Finding> {
  for (let number = from; number < to; number += 1) {
    onNumber(number);
    const input = inputOf(target, seed, number);
    const error = execute(target, input);
    if (error !== null) yield { target: target.name, number, input, error };
  }
}
