/** Questions to the programs of other firewalls, which may have no answer: that must not keep us from everything else. */

import { RelayError } from '../errors/relay-error.js';
import type { Command } from '../host/command.js';
import type { Runner } from '../host/runner.js';

/** The program fails; it is not installed; or it needs more than our unit may (the old iptables: raw sockets). */
const ABSENT: readonly string[] = ['command-failed', 'missing-capability', 'permission'];

/** What it prints; null where it cannot tell. */
export async function answerOf(runner: Runner, question: Command): Promise<string | null> {
  try {
    return await runner.run(question);
  } catch (error) {
    if (error instanceof RelayError && ABSENT.includes(error.code)) return null;
    throw error;
  }
}

export async function isAnswered(runner: Runner, question: Command): Promise<boolean> {
  return (await answerOf(runner, question)) !== null;
}
