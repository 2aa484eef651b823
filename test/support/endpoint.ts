/** Addresses with ports as they are written everywhere: `203.0.113.7:443`, `[2001:db8:c::7]:443`. */
import { isIPv6 } from 'node:net';

/** An IPv4 client of a dual-stack socket, `::ffff:203.0.113.7`, is written as what it is. */
const plain = (address: string): string => address.replace(/^::ffff:(?=\d+\.)/, '');

/** As a host stands in a URL. */
export const bracketed = (host: string): string => (isIPv6(host) ? `[${host}]` : host);

export const endpoint = (address: string, port: number | string): string => {
  const host = plain(address);
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
};
