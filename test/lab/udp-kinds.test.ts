/** UDP in all its kinds: however a service is bound, speaks, is silent or sends more than a packet holds, it sees the client's address and port. */
import { expect } from 'chai';
import { endpoint } from '../support/endpoint.js';
import { homeward } from '../support/homeward.js';
import { losslessRun } from '../support/iperf.js';
import { address, address6, createLab, type Lab } from '../support/lab.js';
import { pairUp } from '../support/pairing.js';
import { poll } from '../support/poll.js';
import { expectDnsAt, expectMirroredAt } from '../support/real-client.js';
import { type Service, startDnsmasq, startIperf, startUdpEcho, type UdpEcho } from '../support/services.js';
import { type Snapshot, snapshot } from '../support/snapshot.js';
import { expectDone, expectUnchanged } from '../support/tidy.js';
import { type ConnectedUdp, startConnectedUdp, startUdpMirror, type UdpMirror } from '../support/udp-services.js';
import { startUdpStream } from '../support/udp-stream.js';
import { secondsLeft, startUdpTalk, type UdpTalk } from '../support/udp-talk.js';

const families = [
  { version: 4, host: address.relay, client: address.client },
  { version: 6, host: address6.relay, client: address6.client },
] as const;
type Version = (typeof families)[number]['version'];

/** How a service is bound, and the families of clients it can have. */
const bindings: readonly { port: number; to: string; serves: readonly Version[] }[] = [
  { port: 5300, to: '0.0.0.0', serves: [4] },
  { port: 5301, to: '::', serves: [4, 6] },
  { port: 5302, to: ':: v6only', serves: [6] },
  { port: 5303, to: address.backend, serves: [4] },
  { port: 5304, to: address6.backend, serves: [6] },
];

const connectedBindings: typeof bindings = [
  { port: 5310, to: '0.0.0.0', serves: [4] },
  { port: 5311, to: '::', serves: [4, 6] },
  { port: 5312, to: address.backend, serves: [4] },
  { port: 5313, to: address6.backend, serves: [6] },
];

const dnsmasqs: readonly { title: string; port: number; args: readonly string[] }[] = [
  { title: 'on all addresses', port: 5353, args: [] },
  {
    title: 'bound to its addresses alone',
    port: 5354,
    args: ['--bind-interfaces', `--listen-address=${address.backend},${address6.backend}`],
  },
  {
    title: 'on all addresses that answers for some',
    port: 5355,
    args: [`--listen-address=${address.backend},${address6.backend}`],
  },
];

/** Seconds after which conntrack forgets a UDP flow, instead of up to two minutes. */
const memory = 6;
const timeouts = ['', '_stream'].map((kind) => `net.netfilter.nf_conntrack_udp_timeout${kind}=${memory}`);

const mirrorPort = 5320;
const silentPort = 5321;
const iperfPort = 5201;

describe('a UDP service', () => {
  let lab: Lab;
  const echoes = new Map<number, UdpEcho>();
  const connected = new Map<number, ConnectedUdp>();
  const dns = new Map<number, Service>();
  let mirror: UdpMirror;
  let silent: UdpEcho;
  let iperf: Service['process'];
  let found: readonly [Snapshot, Snapshot];

  const started = <T>(services: ReadonlyMap<number, T>, port: number): T => {
    const service = services.get(port);
    if (service === undefined) throw new Error(`nothing was started on port ${port}`);
    return service;
  };

  before(async () => {
    lab = await createLab();
    const { relay, backend } = lab;
    for (const { port, to } of bindings) echoes.set(port, await startUdpEcho(backend, port, to));
    for (const { port, to } of connectedBindings) connected.set(port, await startConnectedUdp(backend, port, to));
    for (const { port, args } of dnsmasqs) dns.set(port, await startDnsmasq(backend, port, ...args));
    mirror = await startUdpMirror(backend, mirrorPort);
    silent = await startUdpEcho(backend, silentPort, '::');
    iperf = await startIperf(backend, iperfPort);
    for (const node of [relay, backend]) await node.must(['sysctl', '-q', ...timeouts]);
    found = [await snapshot(relay), await snapshot(backend)];
    await pairUp(lab, { forwards: ['5300-5399/udp', `${iperfPort}/tcp+udp`] });
  });
  after(() => lab?.close());

  /** Twenty datagrams to the service, each of which is answered from the relay's address after the service saw the client. */
  const expectStream = async (version: Version, port: number, service: Service): Promise<string> => {
    const { host, client } = families[version === 4 ? 0 : 1];
    const stream = await startUdpStream(lab.client, host, port);
    await stream.goesOn(20);
    expect(await stream.end(), `lost of ${stream.sent()}`).to.deep.equal([]);
    const from = endpoint(client, stream.localPort);
    expect(new Set(stream.answers().map(({ seen }) => seen))).to.deep.equal(new Set([from]));
    expect(new Set(stream.answers().map((answer) => answer.from))).to.deep.equal(new Set([endpoint(host, port)]));
    expect(service.seen().filter((seen) => seen === from)).to.have.length(stream.sent());
    return from;
  };

  for (const { port, to, serves } of bindings) {
    it(`bound to ${to} sees its client in every datagram, and is heard`, async () => {
      for (const version of serves) await expectStream(version, port, started(echoes, port));
    });
  }

  for (const { port, to, serves } of connectedBindings) {
    it(`with a connected socket for each client, bound to ${to}, sees its clients, and is heard`, async () => {
      const service = started(connected, port);
      for (const version of serves) {
        const clients = await Promise.all([1, 2, 3].map(() => expectStream(version, port, service)));
        for (const client of clients) {
          expect(service.seenConnected().filter((seen) => seen === client).length, client).to.be.above(10);
        }
      }
    });
  }

  for (const { title, port } of dnsmasqs) {
    it(`such as dnsmasq ${title} sees its clients`, async () => {
      for (const { host } of families) await expectDnsAt(lab, host, port, started(dns, port));
    });
  }

  for (const { version, host, client } of families) {
    it(`gets and sends datagrams of many fragments over IPv${version}, byte for byte`, async () => {
      for (const bytes of [3_000, 8_000, 60_000]) await expectMirroredAt(lab, host, mirrorPort, bytes, mirror);
    });

    for (const direction of ['to', 'from'] as const) {
      it(`such as iperf3 carries a stream ${direction} the client over IPv${version}, and sees it`, async () => {
        const { localPort, packets } = await losslessRun(lab.client, host, iperfPort, direction, '5M');
        expect(packets).to.be.above(500);
        expect(iperf.stdout()).to.include(`connected to ${client} port ${localPort}\n`);
      });
    }
  }

  describe('that is silent for long', () => {
    for (const { version, host, client } of families) {
      describe(`over IPv${version}`, () => {
        let talk: UdpTalk;
        let from: string;
        const served = endpoint(host, silentPort);

        /** What conntrack still gives the flow at the relay and at the backend, whichever is less; null once both forgot it. */
        const left = async (): Promise<number | null> => {
          const both = await Promise.all(
            [lab.relay, lab.backend].map((node) => secondsLeft(node, version, talk.localPort)),
          );
          const known = both.filter((seconds) => seconds !== null);
          return known.length === 0 ? null : Math.min(...known);
        };
        const nearlyForgotten = (): Promise<true> =>
          poll('a flow that is nearly forgotten', 15_000, async () => {
            const seconds = await left();
            if (seconds === null) throw new Error('it was forgotten while it was watched');
            return seconds <= memory / 2 ? true : undefined;
          });
        const expectAnswered = async (text: string): Promise<void> => {
          expect(await talk.hears(`an answer to ${text}`, () => talk.say(text))).to.equal(`${served} ${from} ${text}`);
          expect(silent.seen().at(-1)).to.equal(from);
          expect(silent.heard().at(-1)).to.equal(text);
        };
        const expectHeardBySelf = async (): Promise<void> => {
          const heard = await talk.hears('a datagram of the service by itself', () =>
            silent.sendTo(client, talk.localPort),
          );
          expect(heard).to.equal(`${served} by itself`);
        };

        before(async () => {
          talk = await startUdpTalk(lab.client, host, silentPort);
          from = endpoint(client, talk.localPort);
          await expectAnswered('first');
        });

        it('is spoken to again by the same client', async () => {
          await nearlyForgotten();
          await expectAnswered('after a silence');
        });

        it('speaks again by itself', async () => {
          await nearlyForgotten();
          await expectHeardBySelf();
        });

        it('speaks alone for longer than conntrack remembers', async () => {
          for (let spoken = 0; spoken < 3; spoken += 1) {
            await nearlyForgotten();
            await expectHeardBySelf();
          }
        });

        it('sees the same client in a new flow after the old one was forgotten', async () => {
          await poll('the end of the flow', 15_000, async () => ((await left()) === null ? true : undefined));
          await expectAnswered('in a new flow');
          await expectHeardBySelf();
        });
      });
    }
  });

  // Behind the tests above: mocha runs a suite's own tests before those of suites in it.
  describe('of a homeward that is taken down', () => {
    it('is left as it was at both ends', async () => {
      expectDone(await homeward(lab.relay, 'controller', ['down']));
      expectDone(await homeward(lab.backend, 'agent', ['down']));
      await expectUnchanged(lab.relay, found[0]);
      await expectUnchanged(lab.backend, found[1]);
    });
  });
});
