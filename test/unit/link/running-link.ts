/** An agent's link that runs against a rig's controller, or against another at the same key, and what it told. */

import {
  type ControllerLink,
  type ControllerLinkDeps,
  createControllerLink,
} from '@homeward/agent/link/controller-link';
import type { ControllerMessage } from '@homeward/shared/protocol/messages';
import type { KeyPair } from '@homeward/shared/session/keys';
import { pino } from 'pino';
import { helloOf, type Rig } from '../server/rig.js';

export interface RunningLink {
  readonly link: ControllerLink;
  readonly states: string[];
  readonly details: string[];
  readonly messages: ControllerMessage[];
  readonly ended: Promise<unknown>;
  stop(): Promise<unknown>;
}

/** Dials the rig unless `more` says otherwise, and comes back after each loss at once. */
export function runLink(rig: Rig, identity: KeyPair, more: Partial<ControllerLinkDeps> = {}): RunningLink {
  const controller = new AbortController();
  const states: string[] = [];
  const details: string[] = [];
  const messages: ControllerMessage[] = [];
  const link = createControllerLink({
    identity,
    controllerKey: rig.identity.publicKey,
    urls: () => [rig.url],
    hello: async (localAddress) => helloOf('boot-link', { outerAddress: localAddress }),
    onMessage: (message) => void messages.push(message),
    onState(state, detail = '') {
      states.push(state);
      details.push(detail);
    },
    logger: pino({ level: 'silent' }),
    random: () => 0.005,
    ...more,
  });
  const ended = link.run(controller.signal).catch((error: unknown) => error);
  const stop = (): Promise<unknown> => {
    controller.abort();
    return ended;
  };
  return { link, states, details, messages, ended, stop };
}
