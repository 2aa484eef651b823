/** Keeps one session with the controller alive: dials, says hello, and comes back after a loss. */

import { setTimeout as sleep } from 'node:timers/promises';
import { RelayError } from '@homeward/shared/errors/relay-error';
import type { AgentMessage, ControllerMessage, Hello } from '@homeward/shared/protocol/messages';
import { createBackoff, type RoundEnd, SETTLED_AFTER_MS } from '@homeward/shared/session/backoff';
import type { KeyPair } from '@homeward/shared/session/keys';
import type { Logger } from 'pino';
import { type ControllerConnection, dial, type Timings } from './dial.js';

/** `refused` is the word of the proven controller; `offline` is anything else, and never a reason to forget the pairing. */
export type LinkState = 'connecting' | 'online' | 'offline' | 'refused';

export interface ControllerLinkDeps {
  readonly identity: KeyPair;
  /** The controller's public key as the token pinned it, base64. */
  readonly controllerKey: string;
  /** What to dial, asked anew for every round. */
  readonly urls: () => readonly string[];
  /** Our first message; `localAddress` is our own address towards the relay. The relay waits 5 s for it. */
  readonly hello: (localAddress: string | null) => Promise<Hello>;
  /** Every message but `ping` and `refused`; `welcome` comes first in each session. Whoever takes many at once makes the relay wait. */
  readonly onMessage: (message: ControllerMessage) => void | Promise<void>;
  readonly onState: (state: LinkState, detail?: string) => void;
  readonly logger: Logger;
  /** 0 to below 1; spreads the reconnects of many agents. */
  readonly random?: () => number;
  readonly timings?: LinkTimings;
  /** A timer, for tests: resolves after `delayMs`, or when the signal aborts. */
  readonly pause?: (delayMs: number, signal: AbortSignal) => Promise<void>;
}

export interface LinkTimings extends Timings {
  readonly settledAfterMs?: number;
}

export interface ControllerLink {
  /** Until the signal. */
  run(signal: AbortSignal): Promise<void>;
  /** Dropped while there is no session: the next one starts from the whole state anyway. */
  send(message: AgentMessage): void;
  /** Ends the session, so that the next one starts from the whole state. */
  renew(): void;
  /** The live session's URL, the remote IP address as dialled, and our own towards it. */
  endpoint(): { readonly url: string; readonly host: string; readonly localAddress: string | null } | null;
}

interface Ending {
  readonly state: 'offline' | 'refused';
  readonly end: RoundEnd;
  readonly reason: string;
}

async function pauseFor(delayMs: number, signal: AbortSignal): Promise<void> {
  await sleep(delayMs, undefined, { signal }).catch(() => undefined);
}

export function createControllerLink(deps: ControllerLinkDeps): ControllerLink {
  const { identity, controllerKey, logger, random = Math.random, pause = pauseFor, timings } = deps;
  const { settledAfterMs = SETTLED_AFTER_MS } = timings ?? {};
  let live: ControllerConnection | null = null;
  let lastUrl: string | null = null;

  /** A fault in a consumer must not cost the session. */
  async function deliver(message: ControllerMessage): Promise<void> {
    try {
      await deps.onMessage(message);
    } catch (error) {
      logger.error({ err: error, type: message.type }, 'handling a message of the relay failed');
    }
  }

  /** One session from dialling to its end. */
  async function attend(url: string, signal: AbortSignal): Promise<Ending> {
    let onlineSinceMs: number | null = null;
    let refused = false;
    let finish: (ending: Ending) => void = () => {};
    const ended = new Promise<Ending>((resolve) => {
      finish = resolve;
    });

    function roundEnd(): RoundEnd {
      if (onlineSinceMs === null) return 'failed';
      return performance.now() - onlineSinceMs < settledAfterMs ? 'brief' : 'settled';
    }

    function onMessage(message: ControllerMessage, connection: ControllerConnection): void | Promise<void> {
      if (message.type === 'refused') {
        refused = true;
        connection.close('the relay refused this agent');
        return;
      }
      if (message.type === 'welcome' && onlineSinceMs === null) {
        onlineSinceMs = performance.now();
        live = connection;
        lastUrl = url;
        deps.onState('online', url);
      }
      if (onlineSinceMs !== null || message.type === 'unpair') return deliver(message);
      connection.close('the relay spoke before its welcome');
    }

    const connection = await dial(
      {
        url,
        identity,
        controllerKey,
        timings,
        onMessage,
        onClosed: (reason) => finish({ state: refused ? 'refused' : 'offline', end: roundEnd(), reason }),
      },
      signal,
    );
    try {
      connection.send(await deps.hello(connection.localAddress));
    } catch (error) {
      logger.error({ err: error }, 'saying hello to the relay failed');
      connection.close('no hello');
    }
    const ending = await ended;
    live = null;
    // A relay that hangs up and is dialled again could else leave ever more behind to be handled.
    await connection.handled();
    return ending;
  }

  /** Each URL once, the one that worked last first; ends early when a session was online. */
  async function round(signal: AbortSignal): Promise<RoundEnd> {
    const urls = [...deps.urls()].sort((a, b) => Number(b === lastUrl) - Number(a === lastUrl));
    for (const url of urls) {
      if (signal.aborted) break;
      deps.onState('connecting', url);
      const ending = await tryUrl(url, signal);
      deps.onState(ending.state, `${url}: ${ending.reason}`);
      if (ending.end !== 'failed') return ending.end;
    }
    return 'failed';
  }

  async function tryUrl(url: string, signal: AbortSignal): Promise<Ending> {
    try {
      return await attend(url, signal);
    } catch (error) {
      if (!(error instanceof RelayError)) throw error;
      return { state: 'offline', end: 'failed', reason: error.message };
    }
  }

  return {
    async run(signal) {
      const delayAfter = createBackoff(random);
      while (!signal.aborted) await pause(delayAfter(await round(signal)), signal);
    },
    send(message) {
      live?.send(message);
    },
    renew() {
      live?.close('renewed');
    },
    endpoint: () => (live === null ? null : { url: live.url, host: live.host, localAddress: live.localAddress }),
  };
}
