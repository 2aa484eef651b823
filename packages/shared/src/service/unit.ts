/** The daemons' systemd units as text (systemd.service(5), systemd.exec(5)). Pure. */

import { RelayError } from '../errors/relay-error.js';
import { sandbox } from './sandbox.js';

export interface UnitOptions {
  readonly side: 'controller' | 'agent';
  /** The daemon's command line, with absolute paths. */
  readonly argv: readonly string[];
  readonly stateDir: string;
  readonly runDir: string;
}

const DESCRIPTIONS = {
  controller: "homeward on the relay: forwards public ports with the client's real IP",
  agent: "homeward at the backend: services see the client's real IP",
};

/**
 * How long the daemon may be silent, seconds. It tells a third of that apart that it is alive, and one round of
 * reconciling is well below it, ten thousand forwards on a slow machine included.
 */
const WATCHDOG_SECONDS = 60;

export function unitName(side: 'controller' | 'agent'): string {
  return `homeward-${side}.service`;
}

export function unitText({ side, argv, stateDir, runDir }: UnitOptions): string {
  return `[Unit]
Description=${DESCRIPTIONS[side]}
Documentation=man:${side}(8)
# nftables.service flushes the whole ruleset when it starts: our table comes after it. The network itself is not waited
# for: what was true before a reboot is set up at once, whoever can be reached.
Wants=network-pre.target
After=network-pre.target nftables.service
# It is started again for as long as it takes: at boot an address may come late.
StartLimitIntervalSec=0

[Service]
# Active means: the kernel is set up, and the daemon answers. Until then it tells what hinders it (systemctl status).
Type=notify
# systemd-notify, a child of the daemon, speaks for it.
NotifyAccess=all
ExecStart=${argv.map(quoted).join(' ')}
# At its first start the agent may have to wait for its relay.
TimeoutStartSec=5min
WatchdogSec=${WATCHDOG_SECONDS}
Restart=on-failure
RestartSec=5s
# Bad input, such as a mistake in a settings file, does not go away by trying again.
RestartPreventExitStatus=2
# The daemon ends its own helpers; wireguard-go runs in a unit of its own, and traffic goes on without the daemon.
KillMode=mixed
TimeoutStopSec=20s
UMask=0077
${directories(stateDir, runDir).join('\n')}

${sandbox(side, argv).join('\n')}

[Install]
WantedBy=multi-user.target
`;
}

/** systemd makes what lies in its usual places; a place of the owner's choice the plan makes. */
function directories(stateDir: string, runDir: string): string[] {
  const state = below('/var/lib', stateDir);
  const run = below('/run', runDir);
  return [
    ...(state === null
      ? [`ReadWritePaths=${quotedPath(stateDir)}`]
      : [`StateDirectory=${state}`, 'StateDirectoryMode=0700']),
    // Both sides may run on one machine and share it.
    ...(run === null
      ? [`ReadWritePaths=${quotedPath(runDir)}`]
      : [`RuntimeDirectory=${run}`, 'RuntimeDirectoryPreserve=yes']),
  ];
}

/** The path below a directory of systemd's, or null when it lies elsewhere. */
export function below(directory: '/var/lib' | '/run', path: string): string | null {
  const rest = path.startsWith(`${directory}/`) ? path.slice(directory.length + 1) : '';
  return /^[\w.-]+(\/[\w.-]+)*$/.test(rest) && !rest.split('/').includes('..') ? rest : null;
}

/** A word of a systemd command line: quoted, without specifiers and variables. */
export function quoted(word: string): string {
  return quotedPath(word).replaceAll('$', '$$$$');
}

/** A path in a setting of a unit. Throws `bad-input` for a control character, which a unit cannot hold. */
export function quotedPath(path: string): string {
  if (/\p{Cc}/u.test(path)) throw new RelayError('bad-input', 'a path in a unit cannot hold a control character');
  const literal = path.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('%', '%%');
  return /^[\w@%+=:,./$-]+$/.test(path) ? literal : `"${literal}"`;
}
