/** What the guests' Debian system holds: each package → why. A new line makes a new system at the next run. */

export const guestPackages = {
  'systemd-sysv': 'the init system of stock Debian',
  dbus: 'systemctl talks through it',
  udev: 'names links, loads modules of devices',
  ifupdown: 'brings the network up at boot',
  kmod: 'modprobe',
  'ca-certificates': 'what a server has',
  procps: 'sysctl, ps',
  iproute2: 'links, routes, ss',
  nftables: 'the rules themselves',
  iptables: 'foreign rules in the old style',
  ufw: 'a firewall that drops',
  conntrack: 'removal of stale flows',
  'wireguard-tools': 'wg',
  'iputils-ping': 'ICMP echo',
  curl: 'an HTTP client',
  'nginx-light': 'a TCP service',
  'dnsmasq-base': 'a DNS service',
  iperf3: 'a service under load',
  openvpn: 'a foreign tunnel',
  socat: 'UDP and TCP clients that start quickly',
} as const satisfies Readonly<Record<string, string>>;

/** Units that start what a test starts itself, and units that only make the boot of an emulated machine longer. */
export const maskedUnits: readonly string[] = [
  ...['nginx.service', 'openvpn.service'],
  ...['getty@tty1.service', 'serial-getty@ttyS0.service', 'serial-getty@hvc0.service', 'systemd-logind.service'],
  ...['apt-daily.timer', 'apt-daily-upgrade.timer', 'dpkg-db-backup.timer', 'e2scrub_all.timer', 'fstrim.timer'],
  ...[
    'e2scrub_reap.service',
    'systemd-tmpfiles-clean.timer',
    'systemd-random-seed.service',
    'systemd-sysusers.service',
  ],
  ...['systemd-update-utmp.service', 'systemd-update-utmp-runlevel.service', 'systemd-user-sessions.service'],
  ...['systemd-pcrphase.service', 'systemd-pcrphase-sysinit.service', 'systemd-binfmt.service'],
  ...['proc-sys-fs-binfmt_misc.automount', 'systemd-ask-password-console.path', 'systemd-ask-password-wall.path'],
  ...['tmp.mount', 'dev-hugepages.mount', 'dev-mqueue.mount', 'sys-kernel-debug.mount', 'sys-kernel-tracing.mount'],
  ...['configfs', 'dm_mod', 'drm', 'efi_pstore', 'fuse', 'loop'].map((module) => `modprobe@${module}.service`),
];
