/** Visits of real services, on this machine's own loopback: what each kind of socket answers. */

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { visit } from '@homeward/agent/probe/visit';
import { createRunner } from '@homeward/shared/host/runner';
import { parseIp } from '@homeward/shared/net/address';
import { port } from '@homeward/shared/net/port';
import type { Transport } from '@homeward/shared/net/transport';
import { expect } from 'chai';
import { describe, it } from 'mocha';

const HOST = parseIp('127.0.0.1');
const outcomes = async (transport: Transport, at: number): Promise<string[]> => {
  const visits = await visit(createRunner(undefined), [
    { watched: { transport, port: 8080 }, host: HOST, port: port(at) },
  ]);
  return visits.map(({ outcome, ...where }) => {
    expect(where).to.deep.equal({ transport, port: 8080, host: HOST, source: HOST, router: null });
    return outcome;
  });
};

describe('probe/visit', () => {
  it('hears whether a TCP port is open', async () => {
    const server = createServer((socket) => socket.destroy()).listen(0, HOST);
    await once(server, 'listening');
    const { port: open } = server.address() as AddressInfo;
    expect(await outcomes('tcp', open)).to.deep.equal(['answered']);
    server.close();
    await once(server, 'close');
    expect(await outcomes('tcp', open)).to.deep.equal(['refused']);
  });

  it('hears whether a UDP service answers, or nothing listens there', async () => {
    const socket = createSocket('udp4');
    socket.on('message', (message, from) => socket.send(message, from.port, from.address));
    socket.bind(0, HOST);
    await once(socket, 'listening');
    const { port: open } = socket.address();
    expect(await outcomes('udp', open)).to.deep.equal(['answered']);
    socket.close();
    await once(socket, 'close');
    expect(await outcomes('udp', open)).to.deep.equal(['refused']);
  });

  it('asks nothing of anybody where there is no target', async () => {
    const nobody = { run: () => Promise.reject(new Error('asked')), hasStarted: () => false };
    expect(await visit(nobody, [])).to.deep.equal([]);
  });
});
