/** Packets of IP protocols without ports, by socat: a service that answers with whom it saw, and clients. */
import { readFileSync, writeFileSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import { bracketed } from './endpoint.js';
import type { LabNode } from './lab-node.js';
import { poll } from './poll.js';
import type { Running } from './running.js';

const family = (isV6: boolean): string => (isV6 ? 'IP6' : 'IP4');

/** A service on a raw socket of the wildcard address, which answers each packet with its sender's address. */
export const startRawService = async (node: LabNode, protocol: number, isV6: boolean): Promise<Running> => {
  const process = node.spawn([
    'socat',
    `${family(isV6)}-RECVFROM:${protocol},fork`,
    'EXEC:/usr/bin/printenv SOCAT_PEERADDR',
  ]);
  await poll(`the raw socket of ${process.command}`, 5_000, async () =>
    (await node.must(['ss', '-Hnlw', isV6 ? '-6' : '-4'])).includes(`:${protocol} `) ? true : undefined,
  );
  return process;
};

/** Sends one packet and gives what came back within two seconds. */
export const rawAsk = async (node: LabNode, host: string, protocol: number, packet: Buffer): Promise<Buffer> => {
  const [request, reply] = ['request', 'reply'].map((name) => `/run/raw-${name}`) as [string, string];
  writeFileSync(node.file(request), packet);
  writeFileSync(node.file(reply), '');
  const to = `${family(isIPv6(host))}-SENDTO:${bracketed(host)}:${protocol}`;
  await node.run(['socat', '-t', '2', `${request}!!OPEN:${reply},wronly`, to]);
  return readFileSync(node.file(reply));
};

/** Whether the host answers an echo request (RFC 792, RFC 4443; the kernel fills in ICMPv6's checksum). */
export const isPinged = async (node: LabNode, host: string): Promise<boolean> => {
  const rest = Buffer.from([0x01, 0x01, 0x3f, 0x43, 0x40, 0x44]);
  const request = isIPv6(host)
    ? Buffer.concat([Buffer.from([128, 0, 0, 0]), rest])
    : Buffer.concat([Buffer.from([8, 0, 0x77, 0x77]), rest]);
  const answer = await rawAsk(node, host, isIPv6(host) ? 58 : 1, request);
  return answer.includes(rest) && answer[0] === (isIPv6(host) ? 129 : 0);
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
