/** From a hostile relay's offer to the scripts that a backend would run: what passes every check is harmless text in a known form. */

import { createForwardReader } from '@homeward/agent/daemon/forward-reader';
import { sortForwards } from '@homeward/agent/daemon/forward-sorter';
import { offerProblem, ownSide, relayTunnel } from '@homeward/agent/daemon/offer-check';
import { backendState } from '@homeward/agent/desired/backend-state';
import { parsePolicy } from '@homeward/agent/policy';
import { greWords } from '@homeward/shared/kernel/iproute-render';
import { renderWireguard } from '@homeward/shared/kernel/wireguard';
import { decodeMessage } from '@homeward/shared/protocol/codec';
import { parseControllerMessage } from '@homeward/shared/protocol/messages';
import { diff } from '@homeward/shared/reconcile/diff';
import { plan } from '@homeward/shared/reconcile/plan';
import type { Step } from '@homeward/shared/reconcile/step';
import { keyOf } from '@homeward/shared/state/describe';
import { hostState } from '@homeward/shared/state/host-state';
import { facts, LAN } from '../../unit/desired/backend-states.js';
import { relay } from '../../unit/store/backend-states.js';
import { mutateJson } from '../mutate.js';
import { mustEqual, type Target, valueOr } from '../target.js';
import { CONTROLLER_MESSAGES } from './messages.js';

const OFFERS = CONTROLLER_MESSAGES.filter(({ type }) => type === 'offer');
/** The most that an owner can allow. */
const OPEN = parsePolicy('/p', { ports: ['1-65535/tcp+udp', '22/tcp'], lan: ['0.0.0.0/0', '::/0'] });

/** What our scripts are made of; no control character, backslash, dollar sign or backquote among it. */
const HARMLESS = /^[\w .,:;/{}"@=!<>&|()*+-]*$/;

/** Every text that a step hands to a program or a file. */
function textsOf(step: Step): string[] {
  switch (step.kind) {
    case 'nft':
      return step.script.split('\n');
    case 'ip':
      return [...step.lines];
    case 'sysctl':
      return [step.sysctl.path, step.sysctl.value];
    case 'configure-wireguard':
    case 'renew-wireguard':
      return renderWireguard(step.device).reveal().replace(/[[\]]/g, '').split('\n');
    case 'create-link':
    case 'change-link':
      return step.link.device.type === 'wireguard' ? [step.link.name] : greWords(step.link.name, step.link.device);
    case 'delete-link':
      return [step.link];
    case 'add-fou-port':
    case 'delete-fou-port':
      return [String(step.port)];
    case 'allow':
    case 'disallow':
      return [keyOf(step.allowance)];
    case 'forget-flows':
      return [];
  }
}

const offers: Target = {
  name: 'hostile-offer',
  cost: 4,
  make: (random) => Buffer.from(mutateJson(OFFERS, random)),
  run(input) {
    const offer = valueOr(['protocol'], () => parseControllerMessage(decodeMessage(input)));
    if (offer?.type !== 'offer') return;
    const record = relay(1, 'A', {
      accepted: { offer, endpointHost: '198.51.100.1' },
      device: { name: 'eth0', gateway: null },
    });
    const read = createForwardReader()('A', offer.forwards);
    if (offerProblem(offer, read, record, [record], OPEN, LAN) !== null) return;
    const own = ownSide(LAN, [], new Set());
    const tunnels = relayTunnel(record, OPEN, LAN, () => sortForwards(read, OPEN, own).allowed);
    const desired = backendState(tunnels, facts());
    for (const text of plan(diff(desired, hostState([])), desired).flatMap(textsOf)) {
      mustEqual(`a harmless line: ${JSON.stringify(text.slice(0, 200))}`, HARMLESS.test(text), true);
    }
  },
};

export const scriptTargets: readonly Target[] = [offers];
