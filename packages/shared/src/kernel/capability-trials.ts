/**
 * What homeward asks of a machine, each as a command that shows whether it can be had. All run in a network namespace of
 * their own that is gone at once, so nothing of the machine changes but the modules that the kernel loads for them.
 */

import { type Command, command } from '../host/command.js';

export interface Trial {
  readonly name: string;
  /** What it is for. */
  readonly purpose: string;
  /** Whether nothing works without it; else only what `purpose` says. */
  readonly isEssential: boolean;
  readonly command: Command;
  /** What to do where it is missing. */
  readonly hint: string;
}

const DEBIAN_KERNEL = "a stock Debian kernel has it (linux-image-amd64; a provider's own kernel may not)";

/** Everything the two tables are made of, in a table of its own: concatenated and interval maps, fib, marks, counters. */
const NFT_TRIAL = `table inet homeward_trial {
  map single { type inet_proto . inet_service : ipv4_addr . inet_service; }
  map range { type ipv4_addr . inet_proto . inet_service : ipv4_addr; flags interval; }
  set counted { type ipv6_addr . inet_proto . inet_service; counter; }
  set seen { type ipv4_addr . inet_service . inet_proto . ifname; flags timeout; timeout 30s; }
  chain arriving {
    type nat hook prerouting priority dstnat - 10; policy accept;
    fib daddr type != local return
    meta l4proto { tcp, udp } dnat ip to meta l4proto . th dport map @single
    meta l4proto { tcp, udp } dnat ip to ip daddr . meta l4proto . th dport map @range
  }
  chain leaving {
    type nat hook postrouting priority srcnat - 20; policy accept;
    ct status dnat meta nfproto ipv6 snat ip6 to ip6 saddr
  }
  chain clamp {
    type filter hook forward priority filter; policy accept;
    tcp flags & (syn | rst) == syn tcp option maxseg size set rt mtu
    ip6 daddr . meta l4proto . th dport @counted
    add @seen { ip saddr . th sport . meta l4proto . meta iifname }
  }
}
`;

const MARK_TRIAL = `table inet homeward_trial {
  chain marking {
    type filter hook prerouting priority mangle; policy accept;
    ct direction original ct mark set ct mark and 0x00ffffff or 0x01000000
  }
  chain replying {
    type route hook output priority mangle + 10; policy accept;
    ct direction reply ct mark and 0xff000000 == 0x01000000 meta mark set meta mark and 0x00ffffff or 0x01000000
  }
}
`;

const FLOWTABLE_TRIAL = `table inet homeward_trial {
  flowtable fast { hook ingress priority filter; devices = { lo }; }
  chain forward {
    type filter hook forward priority filter; policy accept;
    ct state established flow add @fast
  }
}
`;

const ROUTING_TRIAL = `rule add pref 4001 iif lo goto 5100
rule add pref 4301 fwmark 0x1000000/0xff000000 lookup 7701
rule add pref 4561 from 192.0.2.1 lookup main suppress_prefixlength 0
rule add pref 5100 nop
`;

function isolated(file: string, args: readonly string[], stdin?: string): Command {
  return command('unshare', ['--net', file, ...args], stdin);
}

function linkOfType(...words: readonly string[]): Command {
  return isolated('ip', ['link', 'add', 'hwtrial', 'type', ...words]);
}

export const TRIALS: readonly Trial[] = [
  {
    name: 'network namespaces',
    purpose: 'the probe is a client of its own',
    isEssential: true,
    command: isolated('true', []),
    hint: 'run it as root; in a container: with CAP_SYS_ADMIN',
  },
  {
    name: 'nftables',
    purpose: 'forwards: maps of addresses and ports, NAT, MSS, counters',
    isEssential: true,
    command: isolated('nft', ['-f', '-'], NFT_TRIAL),
    hint: 'apt-get install --no-install-recommends nftables; sets of that kind came with Linux 5.6',
  },
  {
    name: 'conntrack marks',
    purpose: 'replies return by the tunnel they came in by',
    isEssential: true,
    command: isolated('nft', ['-f', '-'], MARK_TRIAL),
    hint: DEBIAN_KERNEL,
  },
  {
    name: 'policy routing',
    purpose: 'a routing table for each tunnel',
    isEssential: true,
    command: isolated('ip', ['-batch', '-'], ROUTING_TRIAL),
    hint: 'apt-get install --no-install-recommends iproute2',
  },
  {
    name: 'conntrack',
    purpose: 'a moved UDP forward takes its flows along',
    isEssential: true,
    command: command('conntrack', ['--version']),
    hint: 'apt-get install --no-install-recommends conntrack',
  },
  {
    name: 'WireGuard (kernel)',
    purpose: '--tunnel wireguard, at full speed',
    isEssential: false,
    command: linkOfType('wireguard'),
    hint: `Linux 5.6 or newer has it; ${DEBIAN_KERNEL}; wireguard-go stands in for it`,
  },
  {
    name: 'WireGuard (wireguard-go)',
    purpose: '--tunnel wireguard where the kernel has none',
    isEssential: false,
    command: command('wireguard-go', ['--version']),
    hint: 'apt-get install --no-install-recommends wireguard-go',
  },
  {
    name: 'GRE',
    purpose: '--tunnel gre over IPv4',
    isEssential: false,
    command: linkOfType('gre', 'remote', '192.0.2.2', 'local', '192.0.2.1'),
    hint: DEBIAN_KERNEL,
  },
  {
    name: 'GRE over IPv6',
    purpose: '--tunnel gre over IPv6',
    isEssential: false,
    command: linkOfType('ip6gre', 'remote', '2001:db8::2', 'local', '2001:db8::1'),
    hint: DEBIAN_KERNEL,
  },
  {
    name: 'GRE in UDP (FOU)',
    purpose: '--tunnel gre --udp, through NAT',
    isEssential: false,
    command: isolated('ip', ['fou', 'add', 'port', '7700', 'ipproto', '47']),
    hint: DEBIAN_KERNEL,
  },
  {
    name: 'flowtable',
    purpose: 'faster forwarding; homeward does not use it',
    isEssential: false,
    command: isolated('nft', ['-f', '-'], FLOWTABLE_TRIAL),
    hint: DEBIAN_KERNEL,
  },
];
