/** Tells systemd how a daemon is, where it was asked to (sd_notify(3), sd_watchdog_enabled(3)). */

import type { Logger } from 'pino';
import { command } from '../host/command.js';
import type { Runner } from '../host/runner.js';

/** Of the time that the watchdog allows: one that came to nothing, or a slow round, does no harm. */
const WATCHDOG_SHARE = 1 / 3;

/** Who is to be told. */
export interface NotifyTarget {
  /** Path of systemd's socket, or `@` and an abstract name. */
  readonly socket: string;
  /** After so long a silence systemd takes the daemon for dead; null when it does not watch. */
  readonly watchdogMs: number | null;
}

export interface Notifier {
  /**
   * To be called after each round of reconciling, with what it failed by, or null. The first good one makes the service
   * active. Nothing else tells systemd that the daemon is alive: one whose rounds do not end is dead, its loop may turn.
   */
  round(failure: string | null): void;
  /** The daemon ends, as it was asked to. */
  stopping(): Promise<void>;
}

export interface NotifierDeps {
  readonly target: NotifyTarget | null;
  readonly runner: Pick<Runner, 'run'>;
  readonly logger: Logger;
  /** How things are, in a few words. */
  status(): string;
}

/** Null without systemd, or when the watch is for another process (a wrapper's environment that came down to us). */
export function notifyTarget(
  environment: Readonly<Record<string, string | undefined>>,
  pid: number,
): NotifyTarget | null {
  const socket = environment['NOTIFY_SOCKET'];
  if (socket === undefined || socket === '') return null;
  const isForUs = [undefined, String(pid)].includes(environment['WATCHDOG_PID']);
  const microseconds = Number(environment['WATCHDOG_USEC'] ?? 0);
  return { socket, watchdogMs: isForUs && microseconds > 0 ? microseconds / 1000 : null };
}

export function createNotifier({ target, runner, logger, status }: NotifierDeps): Notifier {
  if (target === null) return { round: () => undefined, stopping: async () => undefined };
  const intervalMs = target.watchdogMs === null ? Number.POSITIVE_INFINITY : target.watchdogMs * WATCHDOG_SHARE;
  let isReady = false;
  let aliveAt = Number.NEGATIVE_INFINITY;
  let told = '';
  let isTelling = false;
  let lastFailure = '';

  /** True when systemd has it. It is a process each time: node has no datagram sockets of the unix family. */
  async function tell(...variables: string[]): Promise<boolean> {
    try {
      await runner.run({ ...command('systemd-notify', variables), env: { NOTIFY_SOCKET: target?.socket ?? '' } });
      return true;
    } catch (error) {
      const { message } = error as Error;
      if (message !== lastFailure) logger.error({ reason: message }, 'systemd could not be told how the daemon is');
      lastFailure = message;
      return false;
    }
  }

  async function tellRound(failure: string | null): Promise<void> {
    const now = performance.now();
    const becomesReady = !isReady && failure === null;
    const isDue = now - aliveAt >= intervalMs;
    const text = `${status()}${failure === null ? '' : `; trying again: ${firstLine(failure)}`}`;
    if (!becomesReady && !isDue && text === told) return;
    const ready = becomesReady ? ['READY=1'] : [];
    const alive = target?.watchdogMs === null ? [] : ['WATCHDOG=1'];
    if (!(await tell(...ready, `STATUS=${text}`, ...alive))) return;
    isReady ||= becomesReady;
    aliveAt = now;
    told = text;
  }

  return {
    round(failure) {
      // A round is not held up by it; what is skipped here is told after the next one.
      if (isTelling) return;
      isTelling = true;
      tellRound(failure).finally(() => {
        isTelling = false;
      });
    },
    async stopping() {
      await tell('STOPPING=1');
    },
  };
}

/** A line break would begin another variable. */
function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? '';
}
