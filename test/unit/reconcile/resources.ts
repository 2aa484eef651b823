/** Small resources for plans, and steps as lines. */

import { nftTable } from '@homeward/shared/kernel/nft-render';
import { type Family, parseIpv4, parseIpv6 } from '@homeward/shared/net/address';
import { parseLinkName } from '@homeward/shared/net/names';
import { formatPortRange } from '@homeward/shared/net/port';
import { Secret } from '@homeward/shared/net/secret';
import type { Step } from '@homeward/shared/reconcile/step';
import { deviceText, keyOf } from '@homeward/shared/state/describe';
import type { GreDevice, Resource } from '@homeward/shared/state/resources';

const name = parseLinkName('hw1');

export const TABLE = 'homeward_backend';

export const link = (mtu = 1420, up = true): Resource => ({
  ...{ kind: 'link', name, device: { type: 'wireguard' }, mtu, up },
});
/** The same link made of GRE. */
export const gre = (more: Partial<GreDevice> = {}): Resource => {
  const plain: GreDevice = { type: 'gre', remote: parseIpv4('203.0.113.9'), local: null, key: null, udp: null };
  return { kind: 'link', name, device: { ...plain, ...more }, mtu: 1464, up: true };
};
export const fouPort = (port = 7701): Resource => ({ kind: 'fou-port', port });
export const address = (): Resource => ({
  kind: 'address',
  link: name,
  address: parseIpv4('10.77.16.2'),
  prefixLength: 32,
});
export const address6 = (): Resource => ({
  kind: 'address',
  link: name,
  address: parseIpv6('fd77:16::2'),
  prefixLength: 128,
});
export const route = (family: Family = 'ipv4'): Resource => ({
  kind: 'route',
  family,
  table: 7701,
  destination: 'default',
  link: name,
  gateway: null,
});
export const sysctl = (path: string, value: string): Resource => ({ kind: 'sysctl', path, value });
export const table = (body: string): Resource => nftTable(TABLE, body);
export const element = (set: string, key: string, value: string | null = null): Resource => ({
  kind: 'nft-element',
  table: TABLE,
  set,
  key,
  value,
});
export const replyRule = (family: Family = 'ipv4'): Resource => ({
  kind: 'rule',
  family,
  priority: 4301,
  selector: { fwmark: { value: 0x0100_0000, mask: 0xff00_0000 } },
  action: { kind: 'lookup', table: 7701 },
});
export const landing = (family: Family = 'ipv4'): Resource => ({
  kind: 'rule',
  family,
  priority: 5100,
  selector: {},
  action: { kind: 'nop' },
});

/** `observed` ones have no private key, a port and endpoints of the kernel's choice. */
export const device = (endpoint: string | null, listenPort: number | null): Resource => ({
  kind: 'wireguard-device',
  link: name,
  privateKey: new Secret('PRIVATE'),
  publicKey: 'PUBLIC',
  listenPort,
  peers: [
    {
      publicKey: 'PEER',
      presharedKey: new Secret('SHARED'),
      allowedIps: ['0.0.0.0/0'],
      endpoint,
      keepaliveSeconds: null,
    },
  ],
});

/** One line a step, the lines of scripts and batches below it. */
export const stepLines = (steps: readonly Step[]): string[] => steps.flatMap(linesOf);

function linesOf(step: Step): string[] {
  switch (step.kind) {
    case 'create-link':
    case 'change-link':
      return [`${step.kind} ${step.link.name} ${deviceText(step.link.device)}`];
    case 'delete-link':
      return [`${step.kind} ${step.link}`];
    case 'add-fou-port':
    case 'delete-fou-port':
      return [`${step.kind} ${step.port}`];
    case 'configure-wireguard':
    case 'renew-wireguard':
      return [`${step.kind} ${step.device.link}`];
    case 'sysctl':
      return [`sysctl ${step.sysctl.path} = ${step.sysctl.value}`];
    case 'nft':
      return [
        'nft',
        ...step.script
          .trimEnd()
          .split('\n')
          .map((line) => `  ${line}`),
      ];
    case 'ip':
      return [step.family === 'ipv6' ? 'ip -6' : 'ip', ...step.lines.map((line) => `  ${line}`)];
    case 'allow':
    case 'disallow':
      return [`${step.kind} ${keyOf(step.allowance)}`];
    case 'forget-flows':
      return step.flows.map(({ address: of, ports }) => `forget udp flows to ${of} ${formatPortRange(ports)}`);
  }
}
