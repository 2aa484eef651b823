/** Asserts that a machine is as it was, and that an error was told well. */
import { expect } from 'chai';
import type { LabNode, Outcome } from './lab-node.js';
import { poll } from './poll.js';
import { difference, type Snapshot, snapshot } from './snapshot.js';

/** The machine's kernel state equals the snapshot, at once or within the limit. */
export const expectUnchanged = async (node: LabNode, before: Snapshot, limitMs = 0): Promise<void> => {
  if (limitMs === 0) {
    const changes = difference(before, await snapshot(node));
    expect(changes.join('\n'), `changes at ${node.name}`).to.equal('');
    return;
  }
  await poll(`${node.name} as it was before`, limitMs, async () => {
    const changes = difference(before, await snapshot(node));
    if (changes.length > 0) throw new Error(changes.join('\n'));
    return true;
  });
};

/** The command failed with this exit code and one short message on stderr that matches. */
export const expectRefused = (outcome: Outcome, exitCode: number, message: RegExp): void => {
  const told = `stdout: ${outcome.stdout}\nstderr: ${outcome.stderr}`;
  expect(outcome.exitCode, told).to.equal(exitCode);
  expect(outcome.stderr).to.match(message);
  const lines = outcome.stderr.split('\n').filter((line) => line.trim() !== '');
  expect(lines.length, told).to.be.within(1, 3);
  expect(outcome.stderr).not.to.match(/^\s+at .*:\d+:\d+\)?$/m);
};

/** The command did what it should. */
export const expectDone = (outcome: Outcome): void => {
  expect(outcome.exitCode, `stdout: ${outcome.stdout}\nstderr: ${outcome.stderr}`).to.equal(0);
};
