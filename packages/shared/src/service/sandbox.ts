/** What a daemon's unit may do on its machine (systemd.exec(5), capabilities(7)), as lines of the unit. Pure. */

/**
 * What both daemons do as root: netlink and sysctls (NET_ADMIN), and the names of the programs that listen (SYS_PTRACE
 * and DAC_READ_SEARCH, ss reads them from /proc): without names SSH's port would not be found, and not be protected.
 * Modules of tunnels are loaded by the kernel itself when a link is made (request_module in net/core/rtnetlink.c), so
 * nothing here loads any.
 */
const BOTH = ['CAP_NET_ADMIN', 'CAP_SYS_PTRACE', 'CAP_DAC_READ_SEARCH'] as const;

/** On the relay also a low control port (NET_BIND_SERVICE), and the network namespace of the probe's client (SYS_ADMIN). */
export const CAPABILITIES = {
  controller: [...BOTH, 'CAP_NET_BIND_SERVICE', 'CAP_SYS_ADMIN'],
  agent: BOTH,
} as const;

const NAMESPACES = { controller: 'net', agent: 'yes' } as const;

/** `argv` and the other paths are what the daemon has to reach in spite of it. */
export function sandbox(side: 'controller' | 'agent', argv: readonly string[]): string[] {
  return [
    '# It changes the network and nothing else. The data plane, wireguard-go included, lives outside of this.',
    `CapabilityBoundingSet=${CAPABILITIES[side].join(' ')}`,
    'NoNewPrivileges=yes',
    'ProtectSystem=strict',
    `ProtectHome=${argv.some(isInHome) ? 'read-only' : 'yes'}`,
    `PrivateTmp=${argv.some(isInTmp) ? 'no' : 'yes'}`,
    'PrivateDevices=yes',
    'PrivateMounts=yes',
    'ProtectClock=yes',
    'ProtectHostname=yes',
    'ProtectControlGroups=yes',
    'ProtectKernelLogs=yes',
    'ProtectKernelModules=yes',
    '# Of the sysctls, only those of the network.',
    'ProtectKernelTunables=yes',
    'ReadWritePaths=/proc/sys/net',
    'RestrictAddressFamilies=AF_UNIX AF_NETLINK AF_INET AF_INET6',
    `RestrictNamespaces=${NAMESPACES[side]}`,
    'RestrictRealtime=yes',
    'RestrictSUIDSGID=yes',
    'LockPersonality=yes',
    'SystemCallArchitectures=native',
    'SystemCallFilter=@system-service',
    'SystemCallFilter=~@privileged @resources',
    'SystemCallErrorNumber=EPERM',
    '# Its memory holds keys.',
    'LimitCORE=0',
  ];
}

function isInHome(path: string): boolean {
  return /^\/(home|root|run\/user)\//.test(path);
}

function isInTmp(path: string): boolean {
  return /^\/(tmp|var\/tmp)\//.test(path);
}
