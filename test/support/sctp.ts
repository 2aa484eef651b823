/**
 * The first two packets of an association of SCTP (RFC 9260, 3.1 and 3.3): as conntrack wants them, which follows SCTP's tags and
 * checksums. This kernel need not speak SCTP itself: both ends use raw sockets.
 */
import type { LabNode } from './lab-node.js';
import { rawAsk } from './raw-ip.js';

/** Its number among IP's protocols. */
export const sctp = 132;

const ports = { client: 5_000, server: 36_412 } as const;
const tags = { client: 0x1111_1111, server: 0x2222_2222 } as const;
const types = { init: 1, initAck: 2 } as const;
const stateCookie = 7;

/** Castagnoli's, bit by bit (RFC 9260, appendix A). */
const crc32c = (bytes: Buffer): number => {
  let crc = 0xffff_ffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ ((crc & 1) === 1 ? 0x82f6_3b78 : 0);
  }
  return ~crc >>> 0;
};

const word = (value: number): number[] => [value >> 8, value & 0xff];
const long = (value: number): number[] => [...word(value >>> 16), ...word(value & 0xffff)];

/** A chunk of either type: tag, window, streams each way, first number, and parameters. */
const packet = (from: number, to: number, tag: number, type: number, ownTag: number, parameters: Buffer): Buffer => {
  const chunk = [
    type,
    0,
    ...word(20 + parameters.length),
    ...long(ownTag),
    ...long(65_536),
    ...word(1),
    ...word(1),
    ...long(1),
  ];
  const bytes = Buffer.from([...word(from), ...word(to), ...long(tag), 0, 0, 0, 0, ...chunk, ...parameters]);
  bytes.writeUInt32LE(crc32c(bytes), 8);
  return bytes;
};

const init = (): Buffer => packet(ports.client, ports.server, 0, types.init, tags.client, Buffer.alloc(0));

/** The server's answer, with a text in its cookie. */
export const initAck = (text: string): Buffer => {
  const cookie = Buffer.from(`<${text}>`.padEnd(Math.ceil((text.length + 2) / 4) * 4));
  const parameter = Buffer.concat([Buffer.from([...word(stateCookie), ...word(4 + cookie.length)]), cookie]);
  return packet(ports.server, ports.client, tags.client, types.initAck, tags.server, parameter);
};

/** Asks a service of `services/sctp-answer`, and gives the address that it saw, as socat writes it. */
export const sctpWhoami = async (node: LabNode, host: string): Promise<string> => {
  const text = (received: Buffer): string | undefined => /<\[?([\da-f.:]+)\]?>/.exec(received.toString('latin1'))?.[1];
  const answer = await rawAsk(node, host, sctp, init(), (received) => text(received) !== undefined);
  return text(answer) ?? '';
};
