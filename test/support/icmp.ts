/** Messages of ICMP: pings, who got them, and an error that quotes somebody's packet. */
import { isIPv6 } from 'node:net';
import type { LabNode } from './lab-node.js';
import { rawAsk } from './raw-ip.js';

/** Pings the host, and waits for its reply (RFC 792, RFC 4443; the kernel fills in ICMPv6's checksum). */
export const ping = async (node: LabNode, host: string): Promise<void> => {
  const rest = Buffer.from([0x01, 0x01, 0x3f, 0x43, 0x40, 0x44]);
  const isV6 = isIPv6(host);
  const [protocol, request, reply] = isV6 ? [58, [128, 0, 0, 0], 129] : [1, [8, 0, 0x77, 0x77], 0];
  await rawAsk(node, host, protocol, Buffer.concat([Buffer.from(request), rest]), (received) => {
    const at = received.indexOf(rest);
    return at >= 4 && received[at - 4] === reply;
  });
};

/** Takes down at `node` who is delivered echo requests. */
export const watchPings = async (node: LabNode): Promise<() => Promise<string>> => {
  await node.must(['nft', '-f', '-'], {
    input: `table inet pings {
  set seen4 { type ipv4_addr; size 64; flags dynamic; }
  set seen6 { type ipv6_addr; size 64; flags dynamic; }
  chain input {
    type filter hook input priority 310;
    icmp type echo-request update @seen4 { ip saddr }
    icmpv6 type echo-request update @seen6 { ip6 saddr }
  }
}
`,
  });
  return () => node.must(['nft', 'list', 'table', 'inet', 'pings']);
};

/**
 * An ICMP message that says that a datagram's time to live was over (RFC 792), which it quotes: UDP over IPv4 without payload.
 */
export const timeExceeded = (from: string, fromPort: number, to: string, toPort: number): Buffer => {
  const octets = (host: string): number[] => host.split('.').map(Number);
  const word = (value: number): number[] => [value >> 8, value & 0xff];
  const udp = [...word(fromPort), ...word(toPort), 0, 8, 0, 0];
  const quoted = [0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, ...octets(from), ...octets(to), ...udp];
  const message = Buffer.from([11, 0, 0, 0, 0, 0, 0, 0, ...quoted]);
  message.writeUInt16BE(checksum(message), 2);
  return message;
};

/** RFC 1071. */
const checksum = (bytes: Buffer): number => {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += bytes.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return 0xffff - sum;
};
