/** The datagram that keeps a NAT's mapping: from the tunnel's own address, for tunnels that need it, harmless where it is away. */

import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { keepMapped } from '@homeward/agent/link/keepalive';
import type { TunnelOffer } from '@homeward/shared/protocol/messages';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { externalOffer, greOffer, offer } from '../store/backend-states.js';

/** Of this process alone: others may test here as well. */
const HOST = `${(process.pid >> 8) & 255}.${process.pid & 255}`;
const RELAY = `127.77.${HOST}`;
const BACKEND = `127.78.${HOST}`;

/** The tunnel of an offer with addresses of loopback in place of the pool's. */
function greHere(backendAddress: string, udpPort: number | null): TunnelOffer {
  const { tunnel } = greOffer(backendAddress, udpPort);
  if (tunnel.kind !== 'gre') throw new Error('no GRE');
  return { ...tunnel, relayAddress: RELAY };
}

describe('link/keepalive', () => {
  let relay: Socket;

  beforeEach(async () => {
    relay = createSocket('udp4');
    // Discard's port, RFC 863.
    relay.bind(9, RELAY);
    await once(relay, 'listening');
  });
  afterEach(() => relay.close());

  it("goes from the backend's tunnel address to the relay's", async () => {
    const arrived = once(relay, 'message');
    await keepMapped(greHere(BACKEND, 7700));
    const [content, { address }] = await arrived;
    expect([content.length, address]).to.deep.equal([0, BACKEND]);
  });

  it('is no error where the tunnel is away, nor anything for other tunnels', async () => {
    const away = greHere('203.0.113.99', 7700);
    const plain = greHere(BACKEND, null);
    let heard = 0;
    relay.on('message', () => {
      heard += 1;
    });
    for (const tunnel of [away, plain, offer(BACKEND).tunnel, externalOffer(RELAY, null).tunnel]) {
      await keepMapped(tunnel);
    }
    const last = once(relay, 'message');
    await keepMapped(greHere(BACKEND, 7700));
    await last;
    expect(heard).to.equal(1);
  });
});
