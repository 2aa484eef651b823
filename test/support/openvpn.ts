/** A real OpenVPN between two machines, point to point in TUN mode: a tunnel that homeward did not make. */
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import type { LabNode } from './lab-node.js';
import { poll } from './poll.js';
import type { Running } from './running.js';

const port = 1194;
const keyFile = '/run/openvpn.key';

/** Addresses inside, at either end. */
export const vpn = {
  device: 'tun0',
  relay: { ipv4: '10.200.0.1', ipv6: 'fd20::1' },
  backend: { ipv4: '10.200.0.2', ipv6: 'fd20::2' },
} as const;

type End = 'relay' | 'backend';

/** A static key as openvpn(8) reads it: 2048 bits in hex. */
const staticKey = (): string => {
  const lines = randomBytes(256).toString('hex').match(/.{32}/g) ?? [];
  return ['-----BEGIN OpenVPN Static key V1-----', ...lines, '-----END OpenVPN Static key V1-----', ''].join('\n');
};

/** Gives both machines the same key. */
export const shareKey = (...nodes: readonly LabNode[]): void => {
  const key = staticKey();
  for (const node of nodes) writeFileSync(node.file(keyFile), key, { mode: 0o600 });
};

/** Starts one end and waits until its device has its address. The backend calls the relay at `relayAddress`. */
export const startOpenvpn = async (node: LabNode, end: End, relayAddress: string): Promise<Running> => {
  const [own, other] = end === 'relay' ? [vpn.relay, vpn.backend] : [vpn.backend, vpn.relay];
  const process = node.spawn([
    'openvpn',
    ...['--dev', vpn.device, '--dev-type', 'tun', '--proto', 'udp4'],
    ...['--ifconfig', own.ipv4, other.ipv4, '--ifconfig-ipv6', `${own.ipv6}/64`, other.ipv6],
    ...['--secret', keyFile, '--cipher', 'AES-256-CBC', '--auth', 'SHA256'],
    // OpenVPN would lower the MSS below what the tunnel carries, and hide what homeward does.
    ...['--mssfix', '0'],
    ...['--ping', '1', '--ping-restart', '0'],
    ...(end === 'relay' ? ['--port', String(port), '--float'] : ['--remote', relayAddress, String(port), '--nobind']),
  ]);
  await poll(`${vpn.device} of ${node.name}`, 10_000, async () => {
    if (!process.alive()) throw new Error(`openvpn has ended:\n${process.stdout()}`);
    const { stdout } = await node.run(['ip', '-o', 'address', 'show', 'dev', vpn.device]);
    return stdout.includes(own.ipv4) && stdout.includes(own.ipv6) ? true : undefined;
  });
  return process;
};
