/** IPv4 and IPv6 addresses as text, in the form the kernel prints, and as numbers. */

import { RelayError } from '../errors/relay-error.js';
import type { Brand } from './brand.js';

/** Dotted quad without leading zeros, as the kernel prints it. */
export type Ipv4Address = Brand<string, 'Ipv4Address'>;

/** Lower case and compressed as RFC 5952 has it, as the kernel prints it; never with a zone or a dotted quad. */
export type Ipv6Address = Brand<string, 'Ipv6Address'>;

export type IpAddress = Ipv4Address | Ipv6Address;

export type Family = 'ipv4' | 'ipv6';

/** One address of each family. */
export interface AddressPair {
  readonly ipv4: Ipv4Address;
  readonly ipv6: Ipv6Address;
}

export const FAMILIES: readonly Family[] = ['ipv4', 'ipv6'];

const QUAD = /^(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})$/;

export function isIpv4(text: string): text is Ipv4Address {
  const match = QUAD.exec(text);
  return match?.slice(1).every((part) => Number(part) <= 255) === true;
}

/** True for the canonical form only. */
export function isIpv6(text: string): text is Ipv6Address {
  return canonicalIpv6(text) === text;
}

export function isIp(text: string): text is IpAddress {
  return isIpv4(text) || isIpv6(text);
}

/** Throws `bad-input` for anything but a dotted quad. */
export function parseIpv4(text: string): Ipv4Address {
  if (!isIpv4(text)) throw new RelayError('bad-input', `"${text}" is not an IPv4 address`);
  return text;
}

/** Any written form, without brackets or zone, in its canonical one; throws `bad-input`. */
export function parseIpv6(text: string): Ipv6Address {
  const canonical = canonicalIpv6(text);
  if (canonical === null) throw new RelayError('bad-input', `"${text}" is not an IPv6 address`);
  return canonical;
}

/** An address of either family; throws `bad-input`. */
export function parseIp(text: string): IpAddress {
  return text.includes(':') ? parseIpv6(text) : parseIpv4(text);
}

export function familyOf(address: IpAddress): Family {
  return address.includes(':') ? 'ipv6' : 'ipv4';
}

/** How many bits an address has. */
export function bitsOf(family: Family): 32 | 128 {
  return family === 'ipv4' ? 32 : 128;
}

export function ipToNumber(address: IpAddress): bigint {
  if (familyOf(address) === 'ipv4') return join(address.split('.').map(Number), 8n);
  const [left = '', right] = address.split('::');
  const head = hextets(left);
  const tail = hextets(right ?? '');
  const gap = right === undefined ? 0 : 8 - head.length - tail.length;
  return join([...head, ...Array.from({ length: gap }, () => 0), ...tail], 16n);
}

export function ipFromNumber(family: Family, value: bigint): IpAddress {
  if (family === 'ipv4') return split(value, 4, 8n).join('.') as Ipv4Address;
  const groups = split(value, 8, 16n).map((group) => group.toString(16));
  return parseIpv6(groups.join(':'));
}

/** An address as part of an endpoint: IPv6 in brackets (RFC 3986, 3.2.2). */
export function bracketed(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}

/** `address:port`, with brackets where they are needed. */
export function formatEndpoint(address: string, port: number): string {
  return `${bracketed(address)}:${port}`;
}

function hextets(text: string): number[] {
  return text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
}

function join(parts: readonly number[], bits: bigint): bigint {
  return parts.reduce((sum, part) => (sum << bits) | BigInt(part), 0n);
}

function split(value: bigint, count: number, bits: bigint): number[] {
  const mask = (1n << bits) - 1n;
  return Array.from({ length: count }, (_, index) => Number((value >> (bits * BigInt(count - 1 - index))) & mask));
}

/** A URL's host is canonical by definition (WHATWG URL, IPv6 serializer), which is RFC 5952 without dotted quads. */
function canonicalIpv6(text: string): Ipv6Address | null {
  if (!/^[0-9a-fA-F:.]{2,45}$/.test(text) || !text.includes(':')) return null;
  const url = `http://[${text}]/`;
  return URL.canParse(url) ? (new URL(url).hostname.slice(1, -1) as Ipv6Address) : null;
}
