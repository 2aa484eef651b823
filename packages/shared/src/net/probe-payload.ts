/** What a UDP service is asked to see whether it answers. Pure. */

/** A DNS query for the root's name servers (RFC 1035, 4.1): every name server answers it somehow. */
const DNS_QUERY = Buffer.from([0x68, 0x77, 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0, 0x00, 0x00, 0x02, 0x00, 0x01]);

/** What a UDP probe says: a question the usual service of that port answers, else the echo's own greeting. */
export function payloadFor(targetPort: number): Buffer {
  return targetPort === 53 ? DNS_QUERY : Buffer.from('homeward probe');
}
