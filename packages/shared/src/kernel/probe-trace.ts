/** Traces probes through all rules of this machine: for a proof that was red, since a trace costs a process and the kernel's time. */

import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { RelayError } from '../errors/relay-error.js';
import { command } from '../host/command.js';
import { dyingWithUs, type ListeningProgram, startListening } from '../host/listening-program.js';
import type { Runner } from '../host/runner.js';
import { toldDrops } from './told-drops.js';
import { hearsTraces } from './trace-listener.js';
import { type Drop, dropsIn } from './trace-parse.js';
import { traceScript } from './trace-table.js';

/** nft reads all rulesets with their elements before it listens. */
const START_TIMEOUT_MS = 5_000;
const LOOK_AGAIN_MS = 10;

/** A trace that nobody ends (a relay that went away) ends by itself, a little after the kernel forgot its ports. */
const LONGEST_MS = 40_000;

/** Somebody else may trace all his traffic. */
const MOST_LINES = 50_000;

export interface ProbeTrace {
  /** Ends it, and gives what was dropped. */
  end(): Promise<Drop[]>;
}

/** Traces the probes that come from these ports. Throws `command-failed` where that cannot be had. */
export type TraceProbes = (clientPorts: readonly number[]) => Promise<ProbeTrace>;

/** `table` is ours, with the trace's set and chains. */
export function createProbeTracer(runner: Runner, table: string, path: string | undefined): TraceProbes {
  return async (clientPorts) => {
    const lines: string[] = [];
    const monitor = startListening(dyingWithUs('nft', '-a', 'monitor', 'trace'), path, (line) => {
      if (lines.length < MOST_LINES) lines.push(line);
    });
    const timer = setTimeout(() => void monitor.end(), LONGEST_MS);
    timer.unref();
    const end = async () => {
      clearTimeout(timer);
      await monitor.end();
      return toldDrops(runner, dropsIn(lines, new Set(clientPorts)));
    };
    try {
      await untilHearing(monitor);
      await runner.run(command('nft', ['-f', '-'], traceScript(table, clientPorts)));
      return { end };
    } catch (error) {
      await end();
      throw error;
    }
  };
}

async function untilHearing({ pid, hasEnded }: ListeningProgram): Promise<void> {
  const limit = performance.now() + START_TIMEOUT_MS;
  while (pid !== undefined && !hasEnded() && performance.now() < limit) {
    if (hearsTraces(await readFile('/proc/net/netlink', 'utf8'), pid)) return;
    await delay(LOOK_AGAIN_MS);
  }
  throw new RelayError('command-failed', 'nft monitor trace does not listen');
}
