/** IPv4 addresses and prefixes as text and as 32-bit numbers. */

import { RelayError } from '../errors/relay-error.js';
import type { Brand } from './brand.js';

/** Dotted quad without leading zeros, as the kernel prints it. */
export type Ipv4Address = Brand<string, 'Ipv4Address'>;

export interface Ipv4Prefix {
  /** The network address, host bits zero. */
  readonly address: Ipv4Address;
  /** 0 to 32. */
  readonly length: number;
}

/** An inclusive range of 32-bit addresses. */
export interface Ipv4Interval {
  readonly first: number;
  readonly last: number;
}

const QUAD = /^(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})$/;

export function isIpv4(text: string): text is Ipv4Address {
  const match = QUAD.exec(text);
  return match?.slice(1).every((part) => Number(part) <= 255) === true;
}

/** Throws `bad-input` for anything but a dotted quad. */
export function parseIpv4(text: string): Ipv4Address {
  if (!isIpv4(text)) throw new RelayError('bad-input', `"${text}" is not an IPv4 address`);
  return text;
}

/** The address as an unsigned 32-bit number. */
export function ipv4ToNumber(address: Ipv4Address): number {
  return address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}

export function ipv4FromNumber(value: number): Ipv4Address {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.') as Ipv4Address;
}

/** `a.b.c.d/len`, or a bare address as /32; host bits are cleared. Throws `bad-input`. */
export function parseIpv4Prefix(text: string): Ipv4Prefix {
  const [address = '', length = '32', ...rest] = text.split('/');
  if (rest.length > 0 || !isIpv4(address) || !/^(\d|[12]\d|3[0-2])$/.test(length)) {
    throw new RelayError('bad-input', `"${text}" is not an IPv4 prefix such as 192.168.1.0/24`);
  }
  const size = 2 ** (32 - Number(length));
  return { address: ipv4FromNumber(Math.floor(ipv4ToNumber(address) / size) * size), length: Number(length) };
}

export function formatIpv4Prefix(prefix: Ipv4Prefix): string {
  return `${prefix.address}/${prefix.length}`;
}

export function ipv4PrefixInterval(prefix: Ipv4Prefix): Ipv4Interval {
  const first = ipv4ToNumber(prefix.address);
  return { first, last: first + 2 ** (32 - prefix.length) - 1 };
}

export function ipv4PrefixContains(prefix: Ipv4Prefix, address: Ipv4Address): boolean {
  const { first, last } = ipv4PrefixInterval(prefix);
  const value = ipv4ToNumber(address);
  return value >= first && value <= last;
}

export function ipv4PrefixesOverlap(a: Ipv4Prefix, b: Ipv4Prefix): boolean {
  const left = ipv4PrefixInterval(a);
  const right = ipv4PrefixInterval(b);
  return left.first <= right.last && right.first <= left.last;
}

/** The n-th address of a prefix (0 is the network address); throws `bad-input` outside of it. */
export function ipv4AddressAt(prefix: Ipv4Prefix, index: number): Ipv4Address {
  const { first, last } = ipv4PrefixInterval(prefix);
  if (index < 0 || first + index > last) {
    throw new RelayError('bad-input', `${formatIpv4Prefix(prefix)} has no address number ${index}`);
  }
  return ipv4FromNumber(first + index);
}
