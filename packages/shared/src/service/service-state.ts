/** What systemd says of a daemon's service, in its machine format (systemctl(1), `show`). */

import { RelayError } from '../errors/relay-error.js';
import { command } from '../host/command.js';
import type { Runner } from '../host/runner.js';

<<<<<<< HEAD
=======
/**
 * A daemon looks at the kernel before it answers; on a small machine that boots meanwhile, that takes half a minute. As
 * long as systemd waits itself (systemd-system.conf(5), DefaultTimeoutStartSec).
 */
const START_LIMIT_MS = 90_000;
const START_POLL_MS = 250;

>>>>>>> vm
export interface ServiceState {
  /** `active`, `activating` (also between two tries), `failed`, `inactive`. */
  readonly active: string;
  /** `enabled`, `disabled`; empty where there is no unit. */
  readonly file: string;
  /** What the daemon last said of itself; empty if nothing. */
  readonly status: string;
}

export async function serviceState(runner: Runner, unit: string): Promise<ServiceState> {
  return parseServiceState(
    await runner.run(command('systemctl', ['show', '--property=ActiveState,UnitFileState,StatusText', unit])),
  );
}

export function parseServiceState(text: string): ServiceState {
  const property = (name: string) => new RegExp(`^${name}=(.*)$`, 'm').exec(text)?.[1] ?? '';
  return { active: property('ActiveState'), file: property('UnitFileState'), status: property('StatusText') };
}

/** True for a service that runs, tries to, or will at the next boot. */
export function isInstalled({ active, file }: ServiceState): boolean {
  return file === 'enabled' || active === 'active' || active === 'activating';
}

<<<<<<< HEAD
/** The error for a service that was started and does not become active. */
export async function notRunning(runner: Runner, unit: string, cause: unknown): Promise<RelayError> {
  const { active, status } = await serviceState(runner, unit);
  const why = [`systemd: ${active}`, ...(status === '' ? [] : [status])].join('; ');
  return new RelayError('command-failed', `${unit} is installed, but it does not run (${why})`, {
    hint: `why: journalctl -u ${unit} -n 20`,
    cause,
  });
=======
/**
 * Waits until the daemon of a service that was started answers; `answers` asks it. Throws `command-failed` when systemd
 * gave up or it takes too long.
 */
export async function untilAnswering(
  runner: Runner,
  unit: string,
  answers: () => Promise<boolean>,
  signal: AbortSignal,
): Promise<void> {
  const deadline = performance.now() + START_LIMIT_MS;
  while (!(await answers())) {
    const { active } = await serviceState(runner, unit);
    if (active === 'failed' || performance.now() > deadline) {
      throw new RelayError(
        'command-failed',
        `${unit} is installed, but its daemon does not answer (systemd: ${active})`,
        {
          hint: `why: journalctl -u ${unit} -n 20`,
        },
      );
    }
    await sleep(START_POLL_MS, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) throw new RelayError('interrupted', `interrupted; ${unit} is installed and starting`);
  }
>>>>>>> vm
}
