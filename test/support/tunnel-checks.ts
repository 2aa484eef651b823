/** What every kind of tunnel has to carry, with the client's address at the service: TCP, UDP of every binding, large ones, right MSS. */
import { isIPv6 } from 'node:net';
import { expect } from 'chai';
import { probe } from './homeward.js';
import { address, address6, type Lab } from './lab.js';
import type { LabNode } from './lab-node.js';
import { poll } from './poll.js';
import { expectTcpAt, expectUdpAt } from './real-client.js';
import { script, transfer, udpAsk } from './scripts.js';
import { type Service, startBlob, startNginx, startUdpEcho } from './services.js';

/** Of the forwards that `expectCarried` uses. */
export const tunnelForwards = ['80/tcp', '5300/udp', '5301/udp', '8081/tcp'];

const transferBytes = 10_000_000;
/** With UDP's header 1400 octets. */
const largePayload = 1392;

export interface TunnelServices {
  readonly nginx: Service;
  readonly wildcard: Service;
  readonly bound: Service | null;
}

/** Starts them at the backend; one bound to `tunnelAddress` needs the tunnel to be there. */
export const startTunnelServices = async (backend: LabNode): Promise<TunnelServices> => {
  const [nginx, wildcard] = await Promise.all([
    startNginx(backend, 80),
    startUdpEcho(backend, 5300, '::'),
    startBlob(backend, 8081),
  ]);
  return { nginx, wildcard, bound: null };
};

/** MSS of a connection as its two ends use it towards each other (ss(8), `mss`). */
const expectMss = async (lab: Lab, backend: LabNode, host: string, mtu: number): Promise<void> => {
  const held = lab.client.spawn(script('clients/tcp-hold', host, '80'));
  const [, port] = await held.prints(/connected (\d+)/);
  const headers = isIPv6(host) ? 60 : 40;
  const mssOf = async (node: LabNode, filter: string): Promise<number> => {
    const info = await node.must(['ss', '-Htin', ...filter.split(' ')]);
    return Number(/\bmss:(\d+)/.exec(info)?.[1]);
  };
  // Timestamps take 12 octets of each segment (RFC 7323).
  for (const [node, filter] of [
    [lab.client, `sport = :${port}`],
    [backend, `dport = :${port}`],
  ] as const) {
    expect(await mssOf(node, filter), `MSS at ${node.name}, towards a tunnel of MTU ${mtu}`).to.be.within(
      mtu - headers - 80,
      mtu - headers,
    );
  }
  await held.kill();
};

/** `hosts` are the relay's addresses, one of each family that the tunnel carries. */
export const expectCarried = async (
  lab: Lab,
  backend: LabNode,
  { nginx, wildcard }: TunnelServices,
  tunnel: { readonly mtu: number; readonly hosts?: readonly string[] },
): Promise<void> => {
  const hosts = tunnel.hosts ?? [address.relay, address6.relay];
  for (const host of hosts) {
    await expectTcpAt(lab, host, 80, nginx);
    await expectUdpAt(lab, host, 5300, wildcard);
    await expectMss(lab, backend, host, tunnel.mtu);
  }
  const large = await udpAsk(lab.client, address.relay, 5300, 1, largePayload);
  expect(large.reply, 'a datagram of 1400 octets that may not be cut').to.match(new RegExp(`^${address.client}:`));
  const got = await transfer(lab.client, 'get', `http://${address.relay}:8081`, transferBytes);
  expect(got).to.include({ bytes: transferBytes, sha256: got.expected });
  const { exitCode, report } = await probe(lab.relay);
  expect(exitCode, JSON.stringify(report.results.filter(({ ok }) => !ok))).to.equal(0);
};

/** The proof is green again within the limit, with nobody touching anything. */
export const expectHealed = (lab: Lab, limitMs = 30_000): Promise<true> =>
  poll('a green proof', limitMs, async () => ((await probe(lab.relay)).exitCode === 0 ? true : undefined));
