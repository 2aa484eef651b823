/** What is stored: both sides' states, the kernel ledger, the audit log. */

import { createForwardReader } from '@homeward/agent/daemon/forward-reader';
import { sortForwards } from '@homeward/agent/daemon/forward-sorter';
import { relayTunnel } from '@homeward/agent/daemon/offer-check';
import { backendState } from '@homeward/agent/desired/backend-state';
import { parsePolicy } from '@homeward/agent/policy';
import { pairedRelays } from '@homeward/agent/store/relays';
import { type BackendState, stateSchema as backendSchema } from '@homeward/agent/store/state';
import { relayHostState } from '@homeward/controller/desired/relay-state';
import { encodeState, stateSchema as relaySchema } from '@homeward/controller/store/state';
import { tokenCondition } from '@homeward/controller/store/tokens';
import { describeRecord, formatRecord, parseRecord, recordOf } from '@homeward/shared/audit/record';
import { parseState } from '@homeward/shared/host/json-file';
import { parseForward } from '@homeward/shared/net/forward-spec';
import { ledgerSchema } from '@homeward/shared/reconcile/ledger';
import type { z } from 'zod';
import { facts, LAN } from '../../unit/desired/backend-states.js';
import { relayFacts } from '../../unit/desired/relay-facts.js';
import { backendStateOf, relay } from '../../unit/store/backend-states.js';
import { pairing, relayState } from '../../unit/store/relay-states.js';
import { mutateJson, mutateText } from '../mutate.js';
import { mustEqual, type Target, valueOr } from '../target.js';
import { CONTROLLER_MESSAGES } from './messages.js';

/** Reads a file's text; what was read is written, read again, and the same. */
function stored<Value>(
  name: string,
  schema: z.ZodType<Value>,
  encode: (value: Value) => unknown,
  seeds: readonly unknown[],
  work: (value: Value) => void = () => undefined,
  cost = 1,
): Target {
  return {
    name,
    cost,
    make: (random) => Buffer.from(mutateJson(seeds, random)),
    run(input) {
      const value = valueOr(['bad-state'], () => parseState('/state', input.toString('utf8'), schema));
      if (value === null) return;
      const again = JSON.stringify(encode(value));
      mustEqual('what is stored', JSON.stringify(encode(parseState('/state', again, schema))), again);
      work(value);
    },
  };
}

const forwards = ['443/tcp', '80=192.168.1.99:8080/tcp'].map(parseForward);
const applied = {
  ...{ revision: 3, refused: [{ spec: '22/tcp', reason: 'SSH' }], device: 'hw1', implementation: 'kernel' as const },
  ...{ addresses: null, ipv6: true, echoPort: 40_404 },
};
const RELAY = encodeState(
  relayState([
    pairing('home', 1, { forwards, applied, outer: { local: '10.0.0.1', remote: '10.0.0.2', port: 1 } }),
    pairing('nas', 2),
  ]),
);
const offers = CONTROLLER_MESSAGES.flatMap((message) => (message.type === 'offer' ? [message] : []));
const BACKEND: BackendState = backendStateOf(
  ...offers.map((offer, index) => relay(index + 1, `K${index}`, { accepted: { offer, endpointHost: '198.51.100.1' } })),
);
const LEDGER = {
  ...{ version: 1, kernel: 'boot 4026531840', links: ['hw0'], fouPorts: [5555] },
  sysctls: { 'net/ipv4/ip_forward': { before: '0', ours: '1', links: ['eth0'] } },
  tables: { homeward_relay: { fingerprint: 'f', digest: 'd' } },
};

const FACTS = relayFacts();
const OPEN = parsePolicy('/p', { lan: ['0.0.0.0/0', '::/0'] });
const NOBODY = { sshPorts: [], addresses: [] };

const RECORD = formatRecord(
  recordOf(
    { event: 'down', subject: 'home', reason: 'x', address: '10.0.0.1', details: {} },
    { actor: 'local', uid: 0, pid: 1, loginUid: null },
    new Date(0),
  ),
);

const audit: Target = {
  name: 'audit',
  make: (random) =>
    Buffer.from(
      random.once(2)
        ? mutateText([RECORD], ['"time":', '"event":', '{', '}', ','], random)
        : mutateJson([JSON.parse(RECORD)], random),
    ),
  run(input) {
    const record = parseRecord(input.toString('utf8'));
    if (record === null) return;
    describeRecord(record);
    const line = formatRecord(record);
    mustEqual('one harmless line', /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(line), false);
    mustEqual('a record', parseRecord(line), record);
  },
};

export const fileTargets: readonly Target[] = [
  stored(
    'relay-state',
    relaySchema,
    encodeState,
    [RELAY],
    (state) => {
      relayHostState(state, FACTS);
      for (const token of state.tokens) tokenCondition(token, new Date(0));
    },
    3,
  ),
  stored(
    'backend-state',
    backendSchema,
    (state) => state,
    [BACKEND],
    (state) => {
      const read = createForwardReader();
      const tunnels = pairedRelays(state).flatMap((one) =>
        relayTunnel(one, OPEN, LAN, (specs) => sortForwards(read(one.controllerKey, specs), OPEN, NOBODY).allowed),
      );
      backendState(tunnels, facts());
    },
    4,
  ),
  stored('ledger', ledgerSchema, (ledger) => ledger, [LEDGER]),
  audit,
];
