/** What comes by the network: handshakes, frames, and messages of whoever has proven a key. */

import { createForwardReader } from '@homeward/agent/daemon/forward-reader';
import { RelayError } from '@homeward/shared/errors/relay-error';
import { isIp, isIpv4 } from '@homeward/shared/net/address';
import { parsePrefix } from '@homeward/shared/net/prefix';
import { Secret } from '@homeward/shared/net/secret';
import { decodeMessage, encodeMessage } from '@homeward/shared/protocol/codec';
import {
  type AgentMessage,
  type ControllerMessage,
  parseAgentMessage,
  parseControllerMessage,
  type TunnelOffer,
} from '@homeward/shared/protocol/messages';
import { createCipherState } from '@homeward/shared/session/cipher-state';
import { keyBytes, keyPairFromSecret } from '@homeward/shared/session/keys';
import { createInitiator, createResponder } from '@homeward/shared/session/noise';
import { createTransport } from '@homeward/shared/session/transport';
import { mutateBytes, mutateJson } from '../mutate.js';
import { mustEqual, type Target, valueOr } from '../target.js';
import { AGENT_MESSAGES, CONTROLLER_MESSAGES } from './messages.js';

const REFUSED = ['protocol'] as const;

/** Fixed keys, so that a found input means the same everywhere. */
const pairOf = (byte: number) => keyPairFromSecret(new Secret(Buffer.alloc(32, byte).toString('base64')));
const [relay, agent, relayOnce, agentOnce] = [pairOf(1), pairOf(2), pairOf(3), pairOf(4)];
const initiator = () => createInitiator({ identity: agent, remoteKey: relay.publicKey, ephemeral: agentOnce });
const responder = () => createResponder({ identity: relay, ephemeral: relayOnce });

function sessions() {
  const [one, other] = [initiator(), responder()];
  const first = one.write();
  other.read(first);
  const { message, session } = other.write();
  return { first, second: message, relay: session, agent: one.read(message).session };
}

const recordedHandshake = sessions();
const LOW_ORDER = [
  Buffer.alloc(32),
  Buffer.alloc(32, 0xff),
  Buffer.from('ec'.padEnd(64, 'f').slice(0, 62).concat('7f'), 'hex'),
];

const handshakes: Target = {
  name: 'handshake',
  cost: 8,
  make: (random) =>
    mutateBytes(
      [
        recordedHandshake.first,
        recordedHandshake.second,
        ...LOW_ORDER.map((key) => Buffer.concat([key, recordedHandshake.first.subarray(32)])),
      ],
      random,
    ),
  run(input) {
    const asRelay = responder();
    const read = valueOr(REFUSED, () => asRelay.read(input));
    if (read !== null) {
      keyBytes(read.remoteKey);
      asRelay.write();
    }
    const asAgent = initiator();
    asAgent.write();
    valueOr(REFUSED, () => asAgent.read(input));
  },
};

const FRAME_SEEDS = [
  Buffer.from([0]),
  Buffer.from('\0{"type":"leave"}'),
  Buffer.concat([Buffer.from([1]), Buffer.alloc(1024, 0x20)]),
  Buffer.alloc(4000),
];

/** Plaintexts of one session, a length of two bytes before each: sealed as a proven peer would, then perhaps changed. */
const frames: Target = {
  name: 'frames',
  make: (random) =>
    Buffer.concat(Array.from({ length: 1 + random.below(4) }, () => lengthAndBytes(mutateBytes(FRAME_SEEDS, random)))),
  run(input) {
    const { sending, receiving } = direction();
    const transport = createTransport({ ...recordedHandshake.relay, receiving });
    for (const [plaintext, isForged] of splitFrames(input)) {
      const sealed = Buffer.from(sending.encrypt(plaintext));
      if (isForged) sealed[sealed.length - 1] = (sealed[sealed.length - 1] ?? 0) ^ 1;
      const opened = valueOr(REFUSED, () => ({ message: transport.open(sealed, 8192) }));
      if (isForged) mustEqual('a forged frame', opened, null);
      if (opened === null) return;
    }
  },
};

/** Both ends of one direction, from its beginning. */
const direction = () => ({
  sending: createCipherState(Buffer.alloc(32, 7)),
  receiving: createCipherState(Buffer.alloc(32, 7)),
});

function lengthAndBytes(bytes: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(Math.min(bytes.length, 60_000));
  return Buffer.concat([length, bytes.subarray(0, 60_000)]);
}

function splitFrames(input: Buffer): [Buffer, boolean][] {
  const found: [Buffer, boolean][] = [];
  for (let at = 0; at + 2 <= input.length; ) {
    const end = Math.min(input.length, at + 2 + input.readUInt16BE(at));
    found.push([input.subarray(at + 2, end), (input[at + 1] ?? 0) % 7 === 3]);
    at = end;
  }
  return found;
}

/** Reads bytes as the one side or the other, checks that what passes can be worked with, and says it again. */
function messages<Message extends AgentMessage | ControllerMessage>(
  name: string,
  seeds: readonly Message[],
  parse: (value: unknown) => Message,
  check: (message: Message) => void,
): Target {
  const texts = seeds.map((message) => Buffer.from(JSON.stringify(message)));
  return {
    name,
    make: (random) => (random.once(5) ? mutateBytes(texts, random) : Buffer.from(mutateJson(seeds, random))),
    run(input) {
      const message = valueOr(REFUSED, () => parse(decodeMessage(input)));
      if (message === null) return;
      check(message);
      const again = valueOr(REFUSED, () => encodeMessage(message));
      if (again !== null) mustEqual('a message', parse(decodeMessage(again)), message);
    },
  };
}

/** Whoever works with an address takes it for one. */
function mustBeAddress(address: string | null, isOne: (text: string) => boolean = isIp): void {
  if (address !== null) mustEqual(`an address: ${address}`, isOne(address), true);
}

function checkTunnel(tunnel: TunnelOffer): void {
  mustBeAddress(tunnel.relayAddress, isIpv4);
  mustBeAddress(tunnel.relayAddress6);
  if (tunnel.kind === 'external') return;
  mustBeAddress(tunnel.backendAddress, isIpv4);
  mustBeAddress(tunnel.backendAddress6);
  if (tunnel.kind === 'wireguard') for (const key of [tunnel.relayPublicKey, tunnel.presharedKey]) keyBytes(key);
}

const ofAgents = messages('agent-message', AGENT_MESSAGES, parseAgentMessage, (message) => {
  if (message.type === 'hello') {
    keyBytes(message.wireguardPublicKey);
    mustBeAddress(message.outerAddress);
    for (const prefix of message.prefixes) parsePrefix(prefix);
  }
  if (message.type === 'observed') for (const { address } of message.flows) mustBeAddress(address);
  if (message.type === 'applied' && message.addresses !== null) {
    mustBeAddress(message.addresses.ipv4, isIpv4);
    mustBeAddress(message.addresses.ipv6);
  }
  if (message.type === 'enroll') {
    mustEqual('a secret', Buffer.from(message.secret, 'base64url').length, 32);
    mustEqual('a token id', Buffer.from(message.tokenId, 'base64url').toString('base64url'), message.tokenId);
  }
});

const ofControllers = messages('controller-message', CONTROLLER_MESSAGES, parseControllerMessage, (message) => {
  if (message.type !== 'offer') return;
  checkTunnel(message.tunnel);
  for (const one of createForwardReader()('relay', message.forwards)) {
    if ('problem' in one && /\p{Cc}/u.test(one.spec) && one.problem.length > 4096)
      throw new RelayError('bug', 'a long problem');
  }
});

export const wireTargets: readonly Target[] = [handshakes, frames, ofAgents, ofControllers];
