/** Whether a program hears the kernel's traces yet, by /proc/net/netlink (proc(5)): what happens before is told to nobody. Pure. */

/** linux/netlink.h. */
const NETLINK_NETFILTER = '12';
/** NFNLGRP_NFTRACE of linux/netfilter/nfnetlink.h is 9; the first group is bit 0. */
const TRACE_GROUP = 1 << 8;

/** Of the listing's columns the second is the protocol, the third the port, which is the process for its first socket, the fourth its groups. */
export function hearsTraces(listing: string, pid: number): boolean {
  return listing.split('\n').some((line) => {
    const [, protocol, port, groups = ''] = line.trim().split(/\s+/);
    return protocol === NETLINK_NETFILTER && port === String(pid) && (Number.parseInt(groups, 16) & TRACE_GROUP) !== 0;
  });
}
