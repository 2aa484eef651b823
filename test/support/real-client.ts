/** Asserts what matters most: the service saw the address and port of the client that really connected. */
import { expect } from 'chai';
import { address, type Lab } from './lab.js';
import { poll } from './poll.js';
import { dnsAsk, tcpGet, udpAsk } from './scripts.js';
import { dnsName, type Service } from './services.js';

const expectSeen = async (service: Service, localPort: number): Promise<void> => {
  const client = `${address.client}:${localPort}`;
  await poll(`${client} in the service's log`, 2_000, () => (service.seen().includes(client) ? true : undefined)).catch(
    (cause: unknown) => {
      throw new Error(`the service saw ${service.seen().slice(-5).join(' ')} instead of ${client}`, { cause });
    },
  );
};

/** A TCP connection to the relay's port reaches nginx, which sees the client. */
export const expectTcp = async (lab: Lab, port: number, nginx: Service): Promise<void> => {
  const { localPorts, errors } = await tcpGet(lab.client, address.relay, port);
  expect(errors, `TCP to port ${port}`).to.deep.equal([]);
  await expectSeen(nginx, localPorts[0] ?? 0);
};

/** A datagram to the relay's port is answered from that port, and the echo saw the client. */
export const expectUdp = async (lab: Lab, port: number, echo: Service, tries?: number): Promise<void> => {
  const { localPort, reply, from } = await udpAsk(lab.client, address.relay, port, tries);
  expect(reply, `what the echo behind port ${port} saw`).to.equal(`${address.client}:${localPort}`);
  expect(from, 'where the answer came from').to.equal(`${address.relay}:${port}`);
  await expectSeen(echo, localPort);
};

/** A DNS query to the relay is answered, and dnsmasq saw the client. */
export const expectDns = async (lab: Lab, port: number, dnsmasq: Service): Promise<void> => {
  const { localPort, addresses } = await dnsAsk(lab.client, address.relay, port, dnsName.name);
  expect(addresses).to.deep.equal([dnsName.address]);
  await expectSeen(dnsmasq, localPort);
};
