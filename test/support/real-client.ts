/** Asserts what matters most: the service saw the address and port of the client that really connected. */
import { isIPv6 } from 'node:net';
import { expect } from 'chai';
import { endpoint } from './endpoint.js';
import { address, address6, type Lab } from './lab.js';
import { poll } from './poll.js';
import { dnsAsk, mirrorLarge, tcpGet, udpAsk } from './scripts.js';
import { dnsName, type Service } from './services.js';
import type { UdpMirror } from './udp-services.js';

/** The lab's client as a host of this family sees it. */
const clientOf = (host: string, localPort: number): string =>
  endpoint(isIPv6(host) ? address6.client : address.client, localPort);

const expectSeen = async (service: Service, client: string): Promise<void> => {
  await poll(`${client} in the service's log`, 2_000, () => (service.seen().includes(client) ? true : undefined)).catch(
    (cause: unknown) => {
      throw new Error(`the service saw ${service.seen().slice(-5).join(' ')} instead of ${client}`, { cause });
    },
  );
};

/** A TCP connection to the port of a relay's address reaches nginx, which sees the client. */
export const expectTcpAt = async (lab: Lab, host: string, port: number, nginx: Service): Promise<void> => {
  const { localPorts, errors } = await tcpGet(lab.client, host, port);
  expect(errors, `TCP to ${endpoint(host, port)}`).to.deep.equal([]);
  await expectSeen(nginx, clientOf(host, localPorts[0] ?? 0));
};

/** A datagram to the port of a relay's address is answered from there, and the echo saw the client. */
export const expectUdpAt = async (
  lab: Lab,
  host: string,
  port: number,
  echo: Service,
  tries?: number,
): Promise<void> => {
  const { localPort, reply, from } = await udpAsk(lab.client, host, port, tries);
  const client = clientOf(host, localPort);
  expect(reply, `what the echo behind ${endpoint(host, port)} saw`).to.equal(client);
  expect(from, 'where the answer came from').to.equal(endpoint(host, port));
  await expectSeen(echo, client);
};

/** A datagram of many bytes to the port of a relay's address comes back as it was, from there, and the mirror saw the client. */
export const expectMirroredAt = async (
  lab: Lab,
  host: string,
  port: number,
  bytes: number,
  mirror: UdpMirror,
): Promise<void> => {
  const { localPort, from, sha256, returned } = await mirrorLarge(lab.client, host, port, bytes);
  expect(returned, `${bytes} bytes, of which the service got ${mirror.got().length}`).to.equal(sha256);
  expect(from, 'where it came back from').to.equal(endpoint(host, port));
  expect(mirror.got()).to.include(`${clientOf(host, localPort)} ${sha256}`);
};

/** A DNS query to a relay's address is answered, and dnsmasq saw the client. */
export const expectDnsAt = async (lab: Lab, host: string, port: number, dnsmasq: Service): Promise<void> => {
  const { localPort, addresses } = await dnsAsk(lab.client, host, port, dnsName.name);
  expect(addresses).to.deep.equal([dnsName.address]);
  await expectSeen(dnsmasq, clientOf(host, localPort));
};

/** The same three at the relay's first address. */
export const expectTcp = (lab: Lab, port: number, nginx: Service): Promise<void> =>
  expectTcpAt(lab, address.relay, port, nginx);

export const expectUdp = (lab: Lab, port: number, echo: Service, tries?: number): Promise<void> =>
  expectUdpAt(lab, address.relay, port, echo, tries);

export const expectDns = (lab: Lab, port: number, dnsmasq: Service): Promise<void> =>
  expectDnsAt(lab, address.relay, port, dnsmasq);
