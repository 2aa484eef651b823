/** One or more messages of each kind, as honest peers send them. */

import { parseIpv6 } from '@homeward/shared/net/address';
import type { AgentMessage, ControllerMessage } from '@homeward/shared/protocol/messages';

const KEY = `${'A'.repeat(42)}A=`;

export const CONTROLLER_MESSAGES: readonly ControllerMessage[] = [
  { type: 'welcome', name: 'home', urls: ['ws://198.51.100.1:7700', 'wss://relay.example.org/x'] },
  { type: 'refused' },
  { type: 'unpair' },
  { type: 'ping', id: 7 },
  {
    type: 'offer',
    revision: 3,
    tunnel: {
      ...{ kind: 'wireguard', relayPublicKey: KEY, presharedKey: KEY, endpointPort: 51_820, mtu: 1420 },
      ...{ relayAddress: '10.77.16.1', backendAddress: '10.77.16.2' },
      ...{ relayAddress6: parseIpv6('fd77:16::1'), backendAddress6: parseIpv6('fd77:16::2') },
    },
    forwards: ['443/tcp', '53/tcp+udp', '80=192.168.1.99:8080/tcp'],
  },
  {
    type: 'offer',
    revision: 4,
    tunnel: {
      ...{ kind: 'gre', relayAddress: '10.77.16.1', backendAddress: '10.77.16.2', key: 4_294_967_295, udpPort: 5555 },
      ...{ relayAddress6: parseIpv6('fd77:16::1'), backendAddress6: parseIpv6('fd77:16::2'), mtu: 1400 },
    },
    forwards: [],
  },
  {
    ...{ type: 'offer', revision: 5, forwards: ['1-65535/udp'] },
    tunnel: { kind: 'external', relayAddress: '10.8.0.1', relayAddress6: null },
  },
  { type: 'observe', id: 1, action: 'start', watch: [{ transport: 'tcp', port: 443 }], clientPorts: [41_000] },
  {
    ...{ type: 'observe', id: 2, action: 'stop', watch: [{ transport: 'udp', port: 53 }], clientPorts: [41_000] },
    ...{ trace: true, visit: true },
  },
];

export const AGENT_MESSAGES: readonly AgentMessage[] = [
  { type: 'enroll', tokenId: 'AAAAAAAAAAA', secret: 'A'.repeat(43) },
  {
    ...{ type: 'hello', version: '0.1.0', capabilities: ['wireguard', 'gre'], bootId: 'b', revision: 3 },
    ...{ prefixes: ['192.168.1.0/24', 'fd00::/64'], wireguardPublicKey: KEY, outerAddress: '192.168.1.10' },
  },
  {
    ...{ type: 'applied', revision: 3, ok: true, reason: null, refused: [{ spec: '22/tcp', reason: 'SSH' }] },
    ...{
      device: 'hw1',
      implementation: 'kernel',
      addresses: { ipv4: '10.8.0.2', ipv6: parseIpv6('fd08::2') },
      ipv6: true,
    },
    echoPort: 40_404,
  },
  {
    ...{ type: 'observed', id: 1, drift: ['route … is missing'] },
    flows: [
      {
        ...{ transport: 'udp', delivery: 'local', address: 'fd00::7', port: 53, arrivedOn: 'hw1', leftOn: null },
      },
    ],
    listeners: [{ transport: 'tcp', port: 80, program: 'nginx', problem: { ipv4: null, ipv6: 'only IPv4' } }],
  },
  {
    ...{ type: 'observed', id: 2, flows: [], drift: [], listeners: [] },
    drops: [{ clientPort: 41_000, direction: 'reply', table: 'ip filter', chain: 'INPUT', rule: null }],
    visits: [
      {
        ...{ transport: 'udp', port: 53, host: '192.168.1.99', source: '192.168.1.10', router: null },
        outcome: 'silent',
      },
    ],
  },
  { type: 'report', drift: ['table inet homeward_backend is missing'] },
  { type: 'leave' },
  { type: 'pong', id: 7 },
];
