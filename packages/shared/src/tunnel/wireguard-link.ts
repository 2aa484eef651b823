/** Makes a WireGuard device: the kernel's where it has one, else wireguard-go's, which then lives outside of our process. */

import { setTimeout as delay } from 'node:timers/promises';
import { RelayError } from '../errors/relay-error.js';
import { command } from '../host/command.js';
import type { Runner } from '../host/runner.js';
import type { ListedLink } from '../kernel/iproute-parse.js';
import type { LinkName } from '../net/names.js';

/** wireguard-go returns before its device exists; it takes some 20 ms. */
const START_LIMIT_MS = 5_000;
const START_POLL_MS = 10;

export type TunnelImplementation = 'kernel' | 'wireguard-go';

/**
 * `unitNeeded`: systemd kills what a unit leaves behind in its control group, so there wireguard-go gets a unit of its
 * own; elsewhere it detaches itself. Throws `missing-capability` when neither implementation is there.
 */
export async function createWireguardLink(runner: Runner, link: LinkName, unitNeeded: boolean): Promise<void> {
  try {
    await runner.run(command('ip', ['link', 'add', 'dev', link, 'type', 'wireguard']));
  } catch (error) {
    if (!isUnknownDeviceType(error)) throw error;
    await startWireguardGo(runner, link, unitNeeded);
  }
}

/** Which implementation stands behind a listed device of ours. */
export function implementationOf(link: ListedLink): TunnelImplementation | null {
  if (link.type === 'wireguard' || link.gre !== null) return 'kernel';
  return link.type === 'tun' ? 'wireguard-go' : null;
}

function isUnknownDeviceType(error: unknown): boolean {
  if (!(error instanceof RelayError)) return false;
  // The two answers of a kernel without the module: rtnetlink knows no such kind, or knows it and cannot load it.
  return /Unknown device type|Operation not supported/.test(String(error.details['stderr'] ?? ''));
}

async function startWireguardGo(runner: Runner, link: LinkName, unitNeeded: boolean): Promise<void> {
  const start = unitNeeded
    ? command('systemd-run', ['--collect', `--unit=homeward-${link}`, '--property=Type=forking', 'wireguard-go', link])
    : command('wireguard-go', [link]);
  try {
    await runner.run(start);
  } catch (error) {
    if (!(error instanceof RelayError) || error.code !== 'missing-capability') throw error;
    throw new RelayError('missing-capability', 'this kernel has no WireGuard, and wireguard-go is not installed', {
      hint: 'install it: apt-get install --no-install-recommends wireguard-go',
      cause: error,
    });
  }
  await untilAnswering(runner, link);
}

async function untilAnswering(runner: Runner, link: LinkName): Promise<void> {
  const deadline = performance.now() + START_LIMIT_MS;
  for (;;) {
    try {
      await runner.run(command('wg', ['show', link, 'listen-port']));
      return;
    } catch (error) {
      if (performance.now() > deadline) {
        throw new RelayError('command-failed', `wireguard-go started but ${link} does not answer`, {
          hint: 'it needs /dev/net/tun and a writable /var/run/wireguard',
          cause: error,
        });
      }
    }
    await delay(START_POLL_MS);
  }
}
