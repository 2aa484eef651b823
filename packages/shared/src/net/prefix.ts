/** IPv4 and IPv6 prefixes: parsing, membership, addresses inside. */

import { RelayError } from '../errors/relay-error.js';
import {
  bitsOf,
  type Family,
  familyOf,
  type IpAddress,
  type Ipv4Address,
  type Ipv6Address,
  ipFromNumber,
  ipToNumber,
  isIpv4,
  parseIpv6,
} from './address.js';

export interface IpPrefix<Address extends IpAddress = IpAddress> {
  /** The network address, host bits zero. */
  readonly address: Address;
  /** 0 to 32, or 0 to 128. */
  readonly length: number;
}

export type Ipv4Prefix = IpPrefix<Ipv4Address>;
export type Ipv6Prefix = IpPrefix<Ipv6Address>;

/** The widest prefix that people give to a network: 10.0.0.0/8, fd00::/8. */
const WIDEST_NETWORK = 8;

/** False for what is wider than any network: pieces of a VPN's default route, such as halves of everything, or OpenVPN's 2000::/3 and fc00::/7. */
export function isNetwork({ length }: IpPrefix): boolean {
  return length >= WIDEST_NETWORK;
}

/** An inclusive range of addresses of one family, as numbers. */
export interface IpInterval {
  readonly family: Family;
  readonly first: bigint;
  readonly last: bigint;
}

/** `a.b.c.d/len`, or a bare address as /32; host bits are cleared. Throws `bad-input`. */
export function parseIpv4Prefix(text: string): Ipv4Prefix {
  const [address = '', length = '32', ...rest] = text.split('/');
  if (rest.length > 0 || !isIpv4(address) || !isLength(length, 32)) {
    throw new RelayError('bad-input', `"${text}" is not an IPv4 prefix such as 192.168.1.0/24`);
  }
  return network(address, Number(length));
}

/** `address/len` of either family, or a bare address as the prefix of itself; host bits are cleared. Throws `bad-input`. */
export function parsePrefix(text: string): IpPrefix {
  return text.includes(':') ? parseIpv6Prefix(text) : parseIpv4Prefix(text);
}

/** As {@link parseIpv4Prefix}, with /128 for a bare address. */
export function parseIpv6Prefix(text: string): Ipv6Prefix {
  const [address = '', length = '128', ...rest] = text.split('/');
  if (rest.length > 0 || !isLength(length, 128)) {
    throw new RelayError('bad-input', `"${text}" is not an IPv6 prefix such as fd00:1::/64`);
  }
  return network(parseIpv6(address), Number(length));
}

function isLength(text: string, most: number): boolean {
  return /^(0|[1-9]\d{0,2})$/.test(text) && Number(text) <= most;
}

function network<Address extends IpAddress>(address: Address, length: number): IpPrefix<Address> {
  const family = familyOf(address);
  const hostBits = BigInt(bitsOf(family) - length);
  const first = (ipToNumber(address) >> hostBits) << hostBits;
  return { address: ipFromNumber(family, first) as Address, length };
}

export function formatPrefix(prefix: IpPrefix): string {
  return `${prefix.address}/${prefix.length}`;
}

export function prefixInterval(prefix: IpPrefix): IpInterval {
  const family = familyOf(prefix.address);
  const first = ipToNumber(prefix.address);
  return { family, first, last: first + (1n << BigInt(bitsOf(family) - prefix.length)) - 1n };
}

/** False for an address of the other family. */
export function prefixContains(prefix: IpPrefix, address: IpAddress): boolean {
  const { family, first, last } = prefixInterval(prefix);
  if (familyOf(address) !== family) return false;
  const value = ipToNumber(address);
  return value >= first && value <= last;
}

export function prefixesOverlap(a: IpPrefix, b: IpPrefix): boolean {
  const left = prefixInterval(a);
  const right = prefixInterval(b);
  return left.family === right.family && left.first <= right.last && right.first <= left.last;
}

/** The n-th address of a prefix (0 is the network address); throws `bad-input` outside of it. */
export function addressAt<Address extends IpAddress>(prefix: IpPrefix<Address>, index: number): Address {
  const { family, first, last } = prefixInterval(prefix);
  const value = first + BigInt(index);
  if (index < 0 || value > last) {
    throw new RelayError('bad-input', `${formatPrefix(prefix)} has no address number ${index}`);
  }
  return ipFromNumber(family, value) as Address;
}

/** Addresses that are nobody's in the internet (RFC 1918), or a provider's own (RFC 6598). */
export const PRIVATE_IPV4 = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10'].map(parseIpv4Prefix);

export function isPrivateIpv4(address: IpAddress): boolean {
  return PRIVATE_IPV4.some((prefix) => prefixContains(prefix, address));
}
