/** Names of the sets and maps of the backend's table. */

export const SETS = {
  /** Links of our tunnels. */
  tunnels: 'tunnels',
  /** Sources that cannot be clients. */
  impossibleSources: 'impossible-sources',
  /** link . tunnel address . transport . port of every allowed forward. */
  allowed: 'allowed4',
  /** The same for our echo, which answers probes only. */
  echo: 'echo4',
  /** link . tunnel address . port of UDP services on the wildcard address. */
  pinned: 'pinned4',
  /** client interval : source address the kernel would choose. */
  sourcePin: 'source-pin4',
  /** link . tunnel address . transport . port : address . port of deliveries elsewhere. */
  redirected: 'redirected4',
  /** Ports being probed now, and what was seen of them. */
  watchTcp: 'watch-tcp',
  watchUdp: 'watch-udp',
  /** As it came out of the tunnel. */
  entered: 'entered4',
  /** As it was handed to a socket here, and as it left for another host or container. */
  delivered: 'delivered4',
  forwarded: 'forwarded4',
  left: 'left4',
  /** client . link of ICMP errors towards probes: port-unreachable is an answer, too. */
  leftIcmp: 'left-icmp4',
} as const;
