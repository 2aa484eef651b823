/** The real wg-quick with a VPN for everything: its mark and table 51820, its rules `not fwmark` and `suppress_prefixlength`, its nft table. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import { address, address6 } from '../lab.js';
import type { LabNode } from '../lab-node.js';
import { startNginx } from '../services.js';
import { connect, forward, type Neighbour, restore } from './neighbour.js';

const masquerade = `*nat
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
`;

const wgQuickUp = async (node: LabNode, config: string): Promise<void> => {
  mkdirSync(node.file('/run/vpn'), { recursive: true });
  writeFileSync(node.file('/run/vpn/wg0.conf'), config, { mode: 0o600 });
  await node.must(['wg-quick', 'up', '/run/vpn/wg0.conf']);
};

const keys = async (node: LabNode): Promise<{ secret: string; open: string }> => {
  const secret = (await node.must(['wg', 'genkey'])).trim();
  return { secret, open: (await node.must(['wg', 'pubkey'], { input: secret })).trim() };
};

export const wgQuick: Neighbour = {
  name: 'wg-quick',
  async start({ backend, relay2, client }) {
    const [own, server] = await Promise.all([keys(backend), keys(relay2)]);
    await forward(relay2);
    for (const program of ['iptables', 'ip6tables'] as const) await restore(relay2, program, masquerade);
    await wgQuickUp(
      relay2,
      `[Interface]
PrivateKey = ${server.secret}
Address = 172.27.0.1/24, fd27::1/64
ListenPort = 51900
[Peer]
PublicKey = ${own.open}
AllowedIPs = 172.27.0.2/32, fd27::2/128
`,
    );
    await wgQuickUp(
      backend,
      `[Interface]
PrivateKey = ${own.secret}
Address = 172.27.0.2/24, fd27::2/64
[Peer]
PublicKey = ${server.open}
Endpoint = ${address.relay2}:51900
AllowedIPs = 0.0.0.0/0, ::/0
`,
    );
    const far = await startNginx(client, 8001);
    return async () => {
      await connect(backend, address.client, 8001);
      expect(far.seen().at(-1), 'what a service of the internet saw').to.match(new RegExp(`^${address.relay2}:`));
      await connect(backend, address6.client, 8001);
      expect(far.seen().at(-1)?.startsWith(`[${address6.relay2}]:`), far.seen().at(-1)).to.equal(true);
    };
  },
};
