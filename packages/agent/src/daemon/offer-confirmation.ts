/**
 * An offer that waits to be confirmed: what was before comes back when the relay does not say in time that it is proven,
 * by this daemon's timer or, where it was killed, by the guard outside of it.
 */

import type { StartGuard } from '@homeward/shared/confirm/start-guard';
import type { Store } from '@homeward/shared/host/store';
import type { Logger } from 'pino';
import {
  formerOffer,
  relayOfChange,
  withOffersBack,
  withOffersSettled,
  withUnconfirmed,
} from '../store/offer-changes.js';
import type { AcceptedOffer, BackendState, RelayRecord } from '../store/state.js';

export interface OfferConfirmationDeps {
  readonly controllerKey: string;
  readonly store: Store<BackendState>;
  readonly logger: Logger;
  readonly startGuard: StartGuard;
  record(): RelayRecord;
  reconcile(): Promise<unknown>;
  /** Runs a task when no message of the relay is being handled. */
  inTurn(task: () => Promise<void>): void;
}

export interface OfferConfirmation {
  /** Applies an offer that is gone back from unless it is confirmed in time. Throws what applying failed by, gone back. */
  tryOut(accepted: AcceptedOffer, confirmMs: number): Promise<void>;
  /** The relay's word that the offer of that revision is proven. */
  confirmed(revision: number): Promise<void>;
  /** An offer that holds at once was applied: nothing waits any more. */
  superseded(): Promise<void>;
}

export function createOfferConfirmation(deps: OfferConfirmationDeps): OfferConfirmation {
  const { controllerKey, store, logger, record } = deps;
  const timers = new Map<string, NodeJS.Timeout>();

  async function settle(change: string): Promise<void> {
    await store.update((state) => ({ state: withOffersSettled(state, change), result: null }));
    clearTimeout(timers.get(change));
    timers.delete(change);
  }

  async function goBack(change: string): Promise<void> {
    if (relayOfChange(store.state(), change) === undefined) return;
    await store.update((state) => ({ state: withOffersBack(state, change), result: null }));
    // A round that fails is repeated by the kernel's keeper.
    await deps.reconcile().finally(() => settle(change));
  }

  function goBackIn(change: string, confirmMs: number): void {
    const late = async (): Promise<void> => {
      if (relayOfChange(store.state(), change) === undefined) return;
      logger.warn({ confirmMs }, 'the relay did not confirm its offer in time; the one before is put back');
      await goBack(change);
    };
    const timer = setTimeout(() => deps.inTurn(late), confirmMs);
    // The guard is there for a daemon that ends.
    timer.unref();
    timers.set(change, timer);
  }

  return {
    async tryOut(accepted, confirmMs) {
      const change = await deps.startGuard(confirmMs);
      await store.update((state) => ({
        state: withUnconfirmed(state, controllerKey, accepted, { change, confirmMs }),
        result: null,
      }));
      goBackIn(change, confirmMs);
      try {
        await deps.reconcile();
      } catch (error) {
        logger.error({ err: error }, 'the offer could not be applied; the one before is put back');
        await goBack(change).catch((again: unknown) => logger.error({ err: again }, 'nor could the one before'));
        throw error;
      }
    },
    async confirmed(revision) {
      const { accepted, fallback } = record();
      // Words about an older offer say nothing of the one that is there.
      if (fallback === null || accepted === null || accepted.offer.revision > revision) return;
      // What was gone back from is not held any more.
      if (formerOffer(record()) === null) return;
      logger.info('the relay confirmed its offer; it holds');
      await settle(fallback.change);
    },
    async superseded() {
      const { fallback } = record();
      if (fallback !== null) await settle(fallback.change);
    },
  };
}
