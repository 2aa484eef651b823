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
  conntrack: 'removal of stale flows',
  'wireguard-tools': 'wg',
  'iputils-ping': 'ICMP echo',
  curl: 'an HTTP client',
  'nginx-light': 'a TCP service',
  'dnsmasq-base': 'a DNS service',
  iperf3: 'a service under load',
  openvpn: 'a foreign tunnel',
} as const satisfies Readonly<Record<string, string>>;

/** Units that would start by themselves and that no test wants, or that only cost time at boot. */
export const maskedUnits = [
  'nginx.service',
  'openvpn.service',
  'getty@tty1.service',
  'serial-getty@ttyS0.service',
  'serial-getty@hvc0.service',
  'apt-daily.timer',
  'apt-daily-upgrade.timer',
  'dpkg-db-backup.timer',
  'e2scrub_all.timer',
  'e2scrub_reap.service',
  'fstrim.timer',
  'tmp.mount',
  'systemd-logind.service',
  'systemd-update-utmp.service',
  'systemd-update-utmp-runlevel.service',
] as const;
