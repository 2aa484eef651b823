/** What systemd says of a daemon's service, in its machine format (systemctl(1), `show`). */

import { RelayError } from '../errors/relay-error.js';
import { command } from '../host/command.js';
import type { Runner } from '../host/runner.js';

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

/** The error for a service that was started and does not become active. */
export async function notRunning(runner: Runner, unit: string, cause: unknown): Promise<RelayError> {
  const { active, status } = await serviceState(runner, unit);
  const why = [`systemd: ${active}`, ...(status === '' ? [] : [status])].join('; ');
  return new RelayError('command-failed', `${unit} is installed, but it does not run (${why})`, {
    hint: `why: journalctl -u ${unit} -n 20`,
    cause,
  });
}
