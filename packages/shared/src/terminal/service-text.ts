/** Prints the steps of installing or uninstalling, as a person would do them by hand. */

import { type ServiceStep, stepText } from '../service/plan.js';
import type { Console } from './console.js';

/** A step, or a command of ours as typed. */
export function printSteps(console: Console, steps: readonly (ServiceStep | string)[]): void {
  console.document({ done: false, steps: steps.map(stepDocument) });
  console.line('What is to be done, in this order:');
  for (const step of steps) {
    console.line(`- ${typeof step === 'string' ? step : stepText(step)}`);
    if (typeof step !== 'string' && step.kind === 'write') printContent(console, step.content);
  }
}

function stepDocument(step: ServiceStep | string): object {
  if (typeof step === 'string') return { kind: 'run', command: step.split(' ') };
  if (step.kind === 'run') return { kind: 'run', command: [step.command.file, ...step.command.args] };
  return step.kind === 'directory' ? { ...step, mode: step.mode.toString(8) } : step;
}

/** Set off, so that it can be told from the steps. */
function printContent(console: Console, content: string): void {
  console.line();
  for (const line of content.trimEnd().split('\n')) console.line(line === '' ? '' : `    ${line}`);
  console.line();
}
