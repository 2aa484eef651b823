/**
 * What every kind of tunnel has to carry, with the client's address at the service: TCP, wildcard UDP, large ones, right
 * MSS. By curl and socat, which start quickly also where the machine is emulated.
 */
import { randomBytes, randomInt } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import { expect } from 'chai';
import { probeNow } from './direct.js';
import { bracketed, endpoint } from './endpoint.js';
import { address, address6, type Lab } from './lab.js';
import type { LabNode } from './lab-node.js';
import { poll } from './poll.js';
import { type Service, startNginx, startUdpEcho } from './services.js';

/** Those that `expectCarried` uses. */
export const tunnelForwards = ['80/tcp', '5300/udp'];

const fileBytes = 10_000_000;
/** With UDP's header 1400 octets. */
const largePayload = 1392;

export interface TunnelServices {
  readonly backend: LabNode;
  readonly nginx: Service;
  readonly echo: Service;
  readonly sha256: string;
}

/** nginx, with a large file, and a UDP echo on the wildcard address of both families. */
export const startTunnelServices = async (backend: LabNode): Promise<TunnelServices> => {
  const [nginx, echo] = await Promise.all([startNginx(backend, 80), startUdpEcho(backend, 5300, '::')]);
  mkdirSync(backend.file('/run/nginx-lab/files'), { recursive: true });
  writeFileSync(backend.file('/run/nginx-lab/files/large'), randomBytes(fileBytes));
  const [sha256 = ''] = (await backend.must(['sha256sum', '/run/nginx-lab/files/large'])).split(' ');
  return { backend, nginx, echo, sha256 };
};

const clientAt = (host: string, port: number | string): string =>
  endpoint(isIPv6(host) ? address6.client : address.client, Number(port));

/** nginx answers, and logged the client's address and port. */
export const expectTcpSeen = async (
  lab: Lab,
  host: string,
  { nginx }: TunnelServices,
  publicPort = 80,
): Promise<void> => {
  const url = `http://${bracketed(host)}:${publicPort}/`;
  const output = await lab.client.must(['curl', '-sS', '--max-time', '60', '-w', ' %{local_port}', url]);
  const [answer, port = ''] = output.split(' ');
  expect(answer).to.equal('hello');
  const client = clientAt(host, port);
  await poll(`${client} in nginx's log`, 5_000, () => (nginx.seen().includes(client) ? true : undefined));
};

/** The echo answers from where it was asked, saying which address it saw. A datagram alone may be lost: `tries` of them. */
export const expectUdpSeen = async (
  lab: Lab,
  host: string,
  {
    publicPort = 5300,
    payloadBytes = 5,
    tries = 5,
  }: { readonly publicPort?: number; readonly payloadBytes?: number; readonly tries?: number } = {},
): Promise<void> => {
  const port = randomInt(20_000, 60_000);
  const family = isIPv6(host) ? 'UDP6' : 'UDP4';
  // Connected: an answer from another address or port is none.
  const socket = `${family}:${bracketed(host)}:${publicPort},sourceport=${port}`;
  const asked = async () =>
    (await lab.client.run(['socat', '-T', '3', '-b', '4096', '-', socket], { input: 'x'.repeat(payloadBytes) })).stdout;
  let answer = '';
  for (let left = tries; left > 0 && answer === ''; left -= 1) answer = await asked();
  expect(answer.split(' ')[0], `what the echo behind ${host} saw`).to.equal(clientAt(host, port));
};

/** MSS of a connection as each end uses it towards the other (ss(8), `mss`). */
const expectMss = async (lab: Lab, backend: LabNode, host: string, publicPort: number, mtu: number): Promise<void> => {
  const port = randomInt(20_000, 60_000);
  const held = lab.client.spawn(
    ['socat', '-u', `${isIPv6(host) ? 'TCP6' : 'TCP4'}:${bracketed(host)}:${publicPort},sourceport=${port}`, 'STDOUT'],
    { interactive: true },
  );
  const mssOf = (node: LabNode, filter: string): Promise<number> =>
    poll(`a connection at ${node.name}`, 10_000, async () => {
      const mss = /\bmss:(\d+)/.exec(
        await node.must(['ss', '-Htin', 'state', 'established', ...filter.split(' ')]),
      )?.[1];
      return mss === undefined ? undefined : Number(mss);
    });
  // Of what fits into a packet, without IP's header and TCP's; timestamps take 12 octets (RFC 7323).
  const most = mtu - (isIPv6(host) ? 60 : 40);
  for (const [node, filter] of [
    [lab.client, `sport = :${port}`],
    [backend, `dport = :${port}`],
  ] as const) {
    expect(await mssOf(node, filter), `MSS at ${node.name} through MTU ${mtu}`).to.be.within(most - 12, most);
  }
  await held.kill();
};

/** By the relay's addresses of both families, at the public ports given. */
export const expectCarried = async (
  lab: Lab,
  services: TunnelServices,
  { mtu, tcpPort = 80, udpPort = 5300 }: { readonly mtu: number; readonly tcpPort?: number; readonly udpPort?: number },
): Promise<void> => {
  for (const host of [address.relay, address6.relay]) {
    await expectTcpSeen(lab, host, services, tcpPort);
    await expectUdpSeen(lab, host, { publicPort: udpPort });
    await expectMss(lab, services.backend, host, tcpPort, mtu);
  }
  await expectUdpSeen(lab, address.relay, { publicPort: udpPort, payloadBytes: largePayload, tries: 1 });
  const file = `/run/large-${randomInt(1_000_000)}`;
  await lab.client.must(
    ['curl', '-sS', '--max-time', '120', '-o', file, `http://${address.relay}:${tcpPort}/files/large`],
    {
      timeoutMs: 130_000,
    },
  );
  expect((await lab.client.must(['sha256sum', file])).split(' ')[0], 'the file as it was sent').to.equal(
    services.sha256,
  );
  const { ok, results } = await probeNow(lab.relay);
  expect(ok, JSON.stringify(results.filter((result) => !result.ok))).to.equal(true);
};
