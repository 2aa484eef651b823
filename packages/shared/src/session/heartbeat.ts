/** Notices a dead peer, and on the controller's side keeps the session speaking. */

/** Runs `action` once after `delayMs`; the returned function cancels it. */
export type After = (delayMs: number, action: () => void) => () => void;

/** Well under the minute after which home routers forget idle TCP connections' mappings at the strictest. */
export const PING_INTERVAL_MS = 15_000;

/** Two pings may be lost; that the peer is away is shown within 40 s of its last sign of life, by a busy machine too. */
export const DEAD_AFTER_MS = 38_000;

export interface HeartbeatOptions {
  /** Sends one encrypted ping; left out by the side that only answers. */
  readonly ping?: (id: number) => void;
  /** Called once, when nothing was received for `deadAfterMs`. */
  readonly onDead: () => void;
  readonly after: After;
  readonly intervalMs?: number;
  readonly deadAfterMs?: number;
}

export interface Heartbeat {
  /** To be called for every authentic message of the peer: all of them prove that it lives, not only pongs. */
  received(): void;
  stop(): void;
}

/** Starts at once. */
export function createHeartbeat(options: HeartbeatOptions): Heartbeat {
  const { ping, after, intervalMs = PING_INTERVAL_MS, deadAfterMs = DEAD_AFTER_MS } = options;
  let nextId = 0;
  let cancelPing = (): void => {};
  let cancelDeath = after(deadAfterMs, die);
  let stopped = false;

  function stop(): void {
    stopped = true;
    cancelPing();
    cancelDeath();
  }
  function die(): void {
    stop();
    options.onDead();
  }
  function schedulePing(send: (id: number) => void): void {
    cancelPing = after(intervalMs, () => {
      nextId += 1;
      send(nextId);
      if (!stopped) schedulePing(send);
    });
  }

  if (ping !== undefined) schedulePing(ping);
  return {
    received() {
      if (stopped) return;
      cancelDeath();
      cancelDeath = after(deadAfterMs, die);
    },
    stop,
  };
}

/** {@link After} on Node's own timers. */
export const afterTimeout: After = (delayMs, action) => {
  const timer = setTimeout(action, delayMs);
  return () => clearTimeout(timer);
};
