/** Trades a token for a pairing: one message and its answer, at whichever URL of the token answers. */

import { setTimeout as sleep } from 'node:timers/promises';
import { RelayError } from '@homeward/shared/errors/relay-error';
import { withTimeLimit } from '@homeward/shared/host/time-limit';
import type { Secret } from '@homeward/shared/net/secret';
import type { ControllerMessage, MessageOf } from '@homeward/shared/protocol/messages';
import { reconnectDelayMs } from '@homeward/shared/session/backoff';
import type { KeyPair } from '@homeward/shared/session/keys';
import { dial, type Timings } from './dial.js';

type Welcome = MessageOf<ControllerMessage, 'welcome'>;

/** The token's part that is shown to the controller. */
export interface EnrollTicket {
  /** Base64url. */
  readonly tokenId: string;
  /** Base64url. */
  readonly secret: Secret;
}

export interface EnrollOptions {
  readonly identity: KeyPair;
  readonly controllerKey: string;
  readonly ticket: EnrollTicket;
  readonly timings?: Timings | undefined;
}

export interface Enrolled {
  readonly name: string;
  /** What to dial from now on. */
  readonly urls: readonly string[];
  /** The URL that answered. */
  readonly url: string;
}

/**
 * One try at one URL. Rejects with `refused` when the controller, proven by its key, says no; with `unreachable`
 * for anything that may be different next time; with `interrupted`.
 */
async function enrollAt(url: string, options: EnrollOptions, signal: AbortSignal): Promise<Welcome> {
  let settle: (outcome: Welcome | RelayError) => void = () => {};
  const answered = new Promise<Welcome | RelayError>((resolve) => {
    settle = resolve;
  });
  const connection = await dial(
    {
      url,
      identity: options.identity,
      controllerKey: options.controllerKey,
      timings: options.timings,
      onMessage: (message) => settle(message.type === 'welcome' ? message : refusal(message)),
      onClosed: (reason) => settle(new RelayError(signal.aborted ? 'interrupted' : 'unreachable', reason)),
    },
    signal,
  );
  connection.send({ type: 'enroll', tokenId: options.ticket.tokenId, secret: options.ticket.secret.reveal() });
  const outcome = await answered;
  connection.close('enrolled');
  if (outcome instanceof RelayError) throw outcome;
  return outcome;
}

function refusal(message: ControllerMessage): RelayError {
  if (message.type !== 'refused' && message.type !== 'unpair') {
    return new RelayError('unreachable', 'the relay gave an answer that belongs to another question');
  }
  return new RelayError('refused', 'the relay refused the token: it is used up, expired, revoked or not its own', {
    hint: 'make a new token at the relay',
  });
}

export interface EnrollOnceOptions extends EnrollOptions {
  readonly urls: readonly string[];
  /** How long an unreachable relay is tried. */
  readonly timeoutMs: number;
  /** 0 to below 1. */
  readonly random?: () => number;
}

/**
 * Tries the URLs in turn until one enrolls. Rejects with `refused` at once; when the time is over with `unreachable`,
 * or `timeout` when some URL was not even tried to its end, naming why each failed; with `interrupted`.
 */
export async function enrollOnce(options: EnrollOnceOptions, signal: AbortSignal): Promise<Enrolled> {
  const { urls, timeoutMs, random = Math.random } = options;
  const either = withTimeLimit(signal, timeoutMs);
  const reasons = new Map<string, string>();
  for (let round = 1; !either.aborted; round += 1) {
    for (const url of urls) {
      try {
        const { name, urls: dialList } = await enrollAt(url, options, either);
        return { name, urls: dialList, url };
      } catch (error) {
        if (!(error instanceof RelayError) || (error.code !== 'unreachable' && error.code !== 'interrupted'))
          throw error;
        if (error.code === 'unreachable') reasons.set(url, error.message);
      }
    }
    await sleep(reconnectDelayMs(round, random), undefined, { signal: either }).catch(() => undefined);
  }
  if (signal.aborted) throw new RelayError('interrupted', 'interrupted before the relay answered');
  throw unanswered(urls, reasons, timeoutMs);
}

function unanswered(urls: readonly string[], reasons: ReadonlyMap<string, string>, timeoutMs: number): RelayError {
  const tried = urls.map((url) => `${url} (${reasons.get(url) ?? 'no answer'})`);
  const code = urls.every((url) => reasons.has(url)) ? 'unreachable' : 'timeout';
  return new RelayError(code, `no relay answered in ${Math.ceil(timeoutMs / 1000)} s: ${tried.join(', ')}`, {
    hint: "check that the relay runs and that its provider's firewall lets this port in",
    details: { tried: Object.fromEntries(urls.map((url) => [url, reasons.get(url) ?? 'no answer'])) },
  });
}
