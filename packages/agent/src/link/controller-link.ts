/** Keeps one session with the controller alive: dials, says hello, and comes back after a loss. */

import { setTimeout as sleep } from 'node:timers/promises';
import { RelayError } from '@homeward/shared/errors/relay-error';
import type { AgentMessage, ControllerMessage, Hello } from '@homeward/shared/protocol/messages';
import { reconnectDelayMs } from '@homeward/shared/session/backoff';
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
  readonly timings?: Timings;
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

type Ending = { readonly state: 'offline' | 'refused'; readonly wasOnline: boolean; readonly reason: string };

export function createControllerLink(deps: ControllerLinkDeps): ControllerLink {
  const { identity, controllerKey, logger, random = Math.random, timings } = deps;
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
    let wasOnline = false;
    let refused = false;
    let finish: (ending: Ending) => void = () => {};
    const ended = new Promise<Ending>((resolve) => {
      finish = resolve;
    });

    function onMessage(message: ControllerMessage, connection: ControllerConnection): void | Promise<void> {
      if (message.type === 'refused') {
        refused = true;
        connection.close('the relay refused this agent');
        return;
      }
      if (message.type === 'welcome' && !wasOnline) {
        wasOnline = true;
        live = connection;
        lastUrl = url;
        deps.onState('online', url);
      }
      if (wasOnline || message.type === 'unpair') return deliver(message);
      connection.close('the relay spoke before its welcome');
    }

    const connection = await dial(
      {
        url,
        identity,
        controllerKey,
        timings,
        onMessage,
        onClosed: (reason) => finish({ state: refused ? 'refused' : 'offline', wasOnline, reason }),
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
  async function round(signal: AbortSignal): Promise<boolean> {
    const urls = [...deps.urls()].sort((a, b) => Number(b === lastUrl) - Number(a === lastUrl));
    for (const url of urls) {
      if (signal.aborted) return false;
      deps.onState('connecting', url);
      const ending = await tryUrl(url, signal);
      deps.onState(ending.state, `${url}: ${ending.reason}`);
      if (ending.wasOnline) return true;
    }
    return false;
  }

  async function tryUrl(url: string, signal: AbortSignal): Promise<Ending> {
    try {
      return await attend(url, signal);
    } catch (error) {
      if (!(error instanceof RelayError)) throw error;
      return { state: 'offline', wasOnline: false, reason: error.message };
    }
  }

  return {
    async run(signal) {
      let failedRounds = 0;
      while (!signal.aborted) {
        failedRounds = (await round(signal)) ? 0 : failedRounds + 1;
        await sleep(reconnectDelayMs(failedRounds, random), undefined, { signal }).catch(() => undefined);
      }
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
