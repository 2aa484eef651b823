/** What installing and uninstalling a daemon as a systemd service does, step by step. Pure: the steps are values. */

import { type Command, command } from '../host/command.js';
import { below, type UnitOptions, unitName, unitText } from './unit.js';

export type ServiceStep =
  | { readonly kind: 'directory'; readonly path: string; readonly mode: 0o700 | 0o755 }
  | { readonly kind: 'write'; readonly path: string; readonly content: string }
  | { readonly kind: 'delete'; readonly path: string }
  | { readonly kind: 'run'; readonly command: Command };

/** Where the machine's owner puts units; they go before those of packages (systemd.unit(5)). */
const UNIT_DIRECTORY = '/etc/systemd/system';
const PACKAGED_UNIT_DIRECTORY = '/usr/lib/systemd/system';

export function unitPath(side: UnitOptions['side']): string {
  return `${UNIT_DIRECTORY}/${unitName(side)}`;
}

export function packagedUnitPath(side: UnitOptions['side']): string {
  return `${PACKAGED_UNIT_DIRECTORY}/${unitName(side)}`;
}

/**
 * Repeated, it changes nothing but what differs. `packagedUnit` is the text of the unit that a package has brought, or
 * null: one that says the same is used as it is, so that the package's next version brings the next unit.
 */
export function installPlan(options: UnitOptions, packagedUnit: string | null): ServiceStep[] {
  const unit = unitName(options.side);
  return [
    { kind: 'directory', path: options.stateDir, mode: 0o700 },
    // Below /run systemd makes it, anew after each boot.
    ...(below('/run', options.runDir) === null ? [runDirectory(options.runDir)] : []),
    packagedUnit === unitText(options)
      ? { kind: 'delete', path: unitPath(options.side) }
      : { kind: 'write', path: unitPath(options.side), content: unitText(options) },
    systemctl('daemon-reload'),
    systemctl('enable', unit),
  ];
}

/** Starts the service, anew if it runs, and ends when it is active. */
export function startPlan(side: UnitOptions['side']): ServiceStep[] {
  return [systemctl('restart', unitName(side))];
}

/** Ends the service, now and at the next boot. */
export function standDownPlan(side: UnitOptions['side']): ServiceStep[] {
  return [systemctl('disable', '--now', unitName(side))];
}

/** Takes away the unit of a service that has been ended; a package's stays with its package. */
export function removalPlan(side: UnitOptions['side']): ServiceStep[] {
  return [{ kind: 'delete', path: unitPath(side) }, systemctl('daemon-reload')];
}

/** A step as a person would do it. */
export function stepText(step: ServiceStep): string {
  switch (step.kind) {
    case 'directory':
      return `make the directory ${step.path}, mode 0${step.mode.toString(8)}`;
    case 'write':
      return `write ${step.path}:`;
    case 'delete':
      return `delete ${step.path}`;
    case 'run':
      return [step.command.file, ...step.command.args].join(' ');
  }
}

function runDirectory(path: string): ServiceStep {
  return { kind: 'directory', path, mode: 0o755 };
}

function systemctl(...args: string[]): ServiceStep {
  return { kind: 'run', command: command('systemctl', args) };
}
