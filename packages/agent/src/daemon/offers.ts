/** Takes a relay's offers: checks them, tries them on, stores those that hold, and answers each. */

import { someForwards } from '@homeward/shared/audit/events';
import { toRelayError } from '@homeward/shared/errors/relay-error';
import { slotNumbers } from '@homeward/shared/net/allocation';
import type { Applied, Offer } from '@homeward/shared/protocol/messages';
import { plainText } from '@homeward/shared/protocol/plain-text';
import { implementationOf } from '@homeward/shared/tunnel/wireguard-link';
import type { Logger } from 'pino';
import { slotHolder } from '../desired/slot-obstacles.js';
import { tunnelEnd } from '../desired/tunnel-end.js';
import { provokeAnswer } from '../link/keepalive.js';
import { isOtherTunnel } from '../store/offer-changes.js';
import { pairedRelays, withAccepted } from '../store/relays.js';
import type { AcceptedOffer, RelayRecord } from '../store/state.js';
import type { MachineLook } from './backend-kernel.js';
import type { SortedForwards } from './forward-sorter.js';
import { deviceProblem, offerProblem, ownSide } from './offer-check.js';
import { createOfferConfirmation } from './offer-confirmation.js';
import type { RelaySessionDeps } from './relay-session.js';

export type Refused = SortedForwards['refused'];

export interface OffersDeps extends RelaySessionDeps {
  readonly controllerKey: string;
  readonly logger: Logger;
  record(): RelayRecord;
  /** The relay's address as dialled, or null while there is no session. */
  endpointHost(): string | null;
  /** This backend's address towards it, or null where it is not known. */
  localHost(): string | null;
  send(applied: Applied): void;
  /** Runs a task when no message of the relay is being handled. */
  inTurn(task: () => Promise<void>): void;
}

export interface Offers {
  /** Takes the offer if policy and machine allow it, and answers in any case: the relay waits. */
  take(offer: Offer): Promise<void>;
  /** The relay has proven the offer of that revision: it holds. */
  confirmed(revision: number): Promise<void>;
  /** The kernel follows the owner's policy and device by itself; the relay has to hear of it, or it goes on forwarding in vain. */
  review(): Promise<void>;
  /** Forwards that the owner's policy does not allow. */
  refused(): Refused;
}

export function createOffers(deps: OffersDeps): Offers {
  const { controllerKey, store, kernel, logger, record } = deps;
  const confirmation = createOfferConfirmation(deps);
  let refused: Refused = [];
  /** What the relay knows; an answer to an offer that was not taken says so. */
  let lastAnswer: string | null = null;
  /** An offer that was not taken because the owner's device is away: taken when it is there, since the relay does not ask again. */
  let waiting: Offer | null = null;

  function sorted(specs: readonly string[], { policy, snapshot, listeners }: MachineLook): Refused {
    const own = ownSide(snapshot, listeners, deps.knownSshPorts);
    return deps.sortForwards(deps.readForwards(controllerKey, specs), policy, own).refused;
  }

  function tell(event: 'offer-refused' | 'offer-rolled-back', { revision }: Offer, reason: string): void {
    const outcome = event === 'offer-refused' ? 'refused' : 'failed';
    const about = { subject: record().name, address: deps.endpointHost() };
    deps.audit.record({ event, ...about, outcome, reason, details: { revision } });
  }

  function tellRefused(): void {
    const [first] = refused;
    if (first === undefined) return;
    deps.audit.record({
      ...{ event: 'forwards-refused', subject: record().name, address: deps.endpointHost(), outcome: 'refused' },
      reason: first.reason,
      details: someForwards(refused.map(({ spec }) => spec)),
    });
  }

  /** Why the offer was not taken, or null; puts the last good one back when applying fails. */
  async function problemWith({ confirmWithinMs, ...offer }: Offer): Promise<string | null> {
    const problem = problemBefore(offer, { ...(await deps.lastLook()), policy: await deps.policy() });
    if (problem !== null) {
      tell('offer-refused', offer, problem);
      return problem;
    }
    const endpointHost = deps.endpointHost() ?? record().accepted?.endpointHost;
    if (endpointHost === undefined) return 'the connection was lost while the offer was looked at';
    try {
      const localHost = deps.localHost() ?? record().accepted?.localHost;
      const accepted = { offer, endpointHost, ...(localHost === undefined ? {} : { localHost }) };
      await (confirmWithinMs === undefined ? tryOn(accepted) : tryOut(accepted, confirmWithinMs));
    } catch (error) {
      logger.error({ err: error }, 'the offer could not be applied; the last good one is put back');
      tell('offer-rolled-back', offer, toRelayError(error).message);
      await deps.reconcile().catch((again: unknown) => logger.error({ err: again }, 'nor could the last good one'));
      return toRelayError(error).message;
    }
    refused = sorted(offer.forwards, await deps.lastLook());
    for (const { spec, reason } of refused) logger.warn({ spec, reason }, 'forward refused');
    tellRefused();
    return null;
  }

  function problemBefore(offer: Offer, { policy, snapshot }: MachineLook): string | null {
    const { slot } = record();
    const isToBeMade = offer.tunnel.kind !== 'external' && !kernel.ownsLink(slotNumbers(slot).link);
    const held = isToBeMade ? slotHolder(slot, snapshot) : null;
    if (held !== null) return `${held} at this backend that homeward did not make; rename or remove what is there`;
    const offered = deps.readForwards(controllerKey, offer.forwards);
    return offerProblem(offer, offered, record(), pairedRelays(store.state()), policy, snapshot);
  }

  function problemOfDevice({ tunnel }: Offer, { snapshot }: Pick<MachineLook, 'snapshot'>): string | null {
    return deviceProblem(record(), pairedRelays(store.state()), tunnel, snapshot);
  }

  /** Applies an offer that is stored only once it has been applied: a crash in between boots into the last good one. */
  async function tryOn(accepted: AcceptedOffer): Promise<void> {
    await applyAndStore(accepted);
    await confirmation.superseded();
  }

  async function applyAndStore(accepted: AcceptedOffer): Promise<void> {
    deps.trials.set(controllerKey, accepted);
    try {
      await deps.reconcile('last-look');
      if (JSON.stringify(accepted) !== JSON.stringify(record().accepted)) {
        await store.update((state) => ({ state: withAccepted(state, controllerKey, accepted), result: null }));
      }
    } finally {
      deps.trials.delete(controllerKey);
    }
  }

  /** An offer that may be gone back from; while one waits to be confirmed, what comes next waits with it. */
  async function tryOut(accepted: AcceptedOffer, confirmMs: number): Promise<void> {
    if (record().fallback === null && isOtherTunnel(record(), accepted.offer)) {
      return confirmation.tryOut(accepted, confirmMs);
    }
    await applyAndStore(accepted);
  }

  async function answerOf(offer: Offer, problem: string | null): Promise<Applied> {
    const { snapshot, families } = await deps.lastLook();
    const end = tunnelEnd(record(), offer.tunnel, snapshot);
    const device = end?.link ?? slotNumbers(record().slot).link;
    const made = snapshot.links.find((candidate) => candidate.name === device);
    const { ipv4 = null, ipv6 = null } = end?.addresses ?? {};
    const isOurs = offer.tunnel.kind !== 'external';
    return {
      type: 'applied',
      revision: offer.revision,
      ok: problem === null,
      reason: problem === null ? null : plainText(problem),
      refused: refused.map(({ spec, reason }) => ({ spec, reason: plainText(reason) })),
      device,
      implementation: made === undefined || !isOurs ? null : implementationOf(made),
      addresses: isOurs ? null : { ipv4, ipv6 },
      ipv6: families.includes('ipv6') && ipv6 !== null,
      echoPort: deps.echoPort,
    };
  }

  async function answer(offer: Offer, problem: string | null): Promise<void> {
    const message = await answerOf(offer, problem);
    lastAnswer = JSON.stringify(message);
    deps.send(message);
    if (problem === null) await provokeAnswer(offer.tunnel);
  }

  async function take(offer: Offer): Promise<void> {
    waiting = null;
    try {
      const problem = await problemWith(offer);
      if (problem !== null && problemOfDevice(offer, await deps.lastLook()) !== null) waiting = offer;
      return await answer(offer, problem);
    } catch (error) {
      logger.error({ err: error }, 'the offer could not be taken');
      return answer(offer, toRelayError(error).message);
    }
  }

  return {
    refused: () => refused,
    take,
    confirmed: confirmation.confirmed,
    async review() {
      if (lastAnswer === null || deps.trials.has(controllerKey)) return;
      const look = await deps.lastLook();
      const isOnline = deps.endpointHost() !== null;
      if (waiting !== null && isOnline && problemOfDevice(waiting, look) === null) return take(waiting);
      const { accepted } = record();
      if (accepted === null) return;
      refused = sorted(accepted.offer.forwards, look);
      const problem = problemOfDevice(accepted.offer, look);
      const isNews = JSON.stringify(await answerOf(accepted.offer, problem)) !== lastAnswer;
      if (isNews && isOnline) await answer(accepted.offer, problem);
    },
  };
}
