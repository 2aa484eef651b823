/**
 * `many-agents COUNT`: so many backends in one process, as far as a relay can tell: each with a key of its own, the
 * program's own enrollment and link, and a word that it applied what it was offered. The token comes by stdin. Prints
 * `{"enrolled": …}` once all are paired, and `{"online": …}` whenever that number has changed.
 */
import { text } from 'node:stream/consumers';
import { createControllerLink } from '@homeward/agent/link/controller-link';
import { enrollOnce } from '@homeward/agent/link/enroll';
import { CONFIRM, type Hello, type Offer, RENEW } from '@homeward/shared/protocol/messages';
import { generateKeyPair, type KeyPair } from '@homeward/shared/session/keys';
import { parseToken } from '@homeward/shared/session/token';
import { pino } from 'pino';

/** Enrolling so many at a time keeps below what the relay takes from strangers. */
const lanes = 8;
const enrollLimitMs = 120_000;

const count = Number(process.argv[2]);
const token = parseToken(await text(process.stdin));
const signal = new AbortController().signal;
const logger = pino({ level: 'silent' });
const say = (told: Readonly<Record<string, number>>): boolean => process.stdout.write(`${JSON.stringify(told)}\n`);

interface Backend {
  readonly identity: KeyPair;
  urls: readonly string[];
}

const enroll = async (): Promise<Backend> => {
  const identity = generateKeyPair();
  const { controllerKey, urls, id: tokenId, secret } = token;
  const ticket = { tokenId, secret };
  const enrolled = await enrollOnce({ identity, controllerKey, ticket, urls, timeoutMs: enrollLimitMs }, signal);
  return { identity, urls: enrolled.urls };
};

const backends: Backend[] = [];
const lane = async (share: number): Promise<void> => {
  for (let done = 0; done < share; done += 1) backends.push(await enroll());
};
await Promise.all(Array.from({ length: lanes }, (_, index) => lane(Math.ceil((count - index) / lanes))));
say({ enrolled: backends.length });

const online = new Set<Backend>();

const run = (backend: Backend, index: number): Promise<void> => {
  const wireguardPublicKey = generateKeyPair().publicKey;
  let revision = 0;
  const hello = async (outerAddress: string | null): Promise<Hello> => ({
    ...{ type: 'hello', version: '0.1.0', capabilities: ['wireguard', RENEW, CONFIRM, 'versions'] },
    ...{ bootId: `boot-${index}`, prefixes: ['192.168.1.0/24'], wireguardPublicKey, outerAddress, revision },
  });
  const apply = (offer: Offer): void => {
    revision = offer.revision;
    link.send({
      ...{ type: 'applied', revision, ok: true, reason: null, refused: [], device: 'hw1' },
      ...{ implementation: 'kernel', addresses: null, ipv6: true, echoPort: 40_000 },
    });
  };
  const link = createControllerLink({
    identity: backend.identity,
    controllerKey: token.controllerKey,
    urls: () => backend.urls,
    hello,
    onMessage: (message) => {
      if (message.type === 'offer') apply(message);
    },
    onState: (state) => {
      const before = online.size;
      if (state === 'online') online.add(backend);
      else online.delete(backend);
      if (online.size !== before) say({ online: online.size });
    },
    logger,
  });
  return link.run(signal);
};

await Promise.all(backends.map(run));
