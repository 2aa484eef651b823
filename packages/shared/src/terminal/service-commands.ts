/** `install` and `uninstall`, the same on both sides: the daemon as a systemd service. */

import { realpathSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { RelayError } from '../errors/relay-error.js';
import { needsSystemdUnit } from '../host/systemd.js';
import { withTimeLimit } from '../host/time-limit.js';
import { takeInstanceLock } from '../local/instance-lock.js';
import { executeSteps } from '../service/execute.js';
import {
  installPlan,
  packagedUnitPath,
  removalPlan,
  type ServiceStep,
  standDownPlan,
  startPlan,
} from '../service/plan.js';
import { notRunning, serviceState } from '../service/service-state.js';
import { type UnitOptions, unitName } from '../service/unit.js';
import type { Console } from './console.js';
import type { DocumentedCommand } from './manual/documented-command.js';
import { printTeardown } from './plan-text.js';
import { requireRoot } from './preflight.js';
import { printSteps } from './service-text.js';
import { type TeardownContext, takeDown } from './teardown.js';

export interface ServiceContext extends TeardownContext {
  readonly unit: UnitOptions;
  /** How the daemon is run without systemd. */
  readonly foreground: string;
  /** Throws what would keep the daemon from running: bad settings, a missing program. */
  check(): Promise<void>;
  /** Throws `no-daemon` when it does not answer. */
  ping(): Promise<unknown>;
}

export interface ServiceTexts {
  /** What installing does and where its settings are. */
  readonly install: string;
  /** What uninstalling leaves, one line. */
  readonly left: string;
}

/** How long a daemon may take to set up the kernel; on a small machine with many forwards that is a minute. */
const START_LIMIT_MS = 120_000;

const DRY_RUN = ['--dry-run', 'print what would be done, and do nothing'] as const;

/** Adds `install`. */
export function addInstallCommand(
  program: DocumentedCommand,
  texts: ServiceTexts,
  context: () => ServiceContext,
): void {
  const name = program.name();
  program
    .command('install')
    .summary('run the daemon as a systemd service, now and at every boot')
    .description(texts.install)
    .option(...DRY_RUN)
    .example(`${name} install`, 'start it now and at every boot; again after an update')
    .example(`${name} install --dry-run`, 'see the unit and the commands first')
    .action(async ({ dryRun }: { dryRun?: boolean }) => {
      const current = context();
      const { console, unit } = current;
      const steps = [...installPlan(unit, await packagedUnit(unit.side)), ...startPlan(unit.side)];
      if (dryRun === true) return printSteps(console, steps);
      await refuseWithoutSystemd(console, steps, `run the daemon in the foreground instead: ${current.foreground}`);
      await installService(current);
      console.document({ done: true, unit: unitName(unit.side) });
      console.line(
        `${unitName(unit.side)} is active, now and at every boot; its log: journalctl -u ${unitName(unit.side)}`,
      );
    });
}

/** Adds `uninstall`. */
export function addUninstallCommand(
  program: DocumentedCommand,
  texts: ServiceTexts,
  context: () => ServiceContext,
): void {
  const name = program.name();
  program
    .command('uninstall')
    .summary('stop the service, remove it, take homeward out of the kernel')
    .description(
      `Stops and disables the service, takes everything of homeward out of the kernel as ${name} down does, and removes the unit. ${texts.left}`,
    )
    .option(...DRY_RUN)
    .example(`${name} uninstall`, 'leave the machine as it was found, but for the stored keys and pairings')
    .action(async ({ dryRun }: { dryRun?: boolean }) => {
      const current = context();
      const { console, unit, runner, uid, interrupt } = current;
      const steps = [`${name} down`, ...standDownPlan(unit.side), ...removalPlan(unit.side)];
      if (dryRun === true) return printSteps(console, steps);
      await refuseWithoutSystemd(console, steps, `take homeward out of the kernel with: ${name} down`);
      requireRoot(uid, `${name} uninstall`);
      const removal = await takeDown(unit.side, current);
      await executeSteps(removalPlan(unit.side), runner, uid, interrupt);
      printTeardown(console, removal);
      const isPackaged = (await packagedUnit(unit.side)) !== null;
      const end = isPackaged ? 'stopped and disabled; its package stays, and so do' : 'removed;';
      console.line(
        `${unitName(unit.side)} is ${end} keys and pairings${isPackaged ? '' : ' stay'} in ${unit.stateDir}`,
      );
    });
}

/** Installs and starts the service; returns when it is active and its daemon answers. */
export async function installService(context: ServiceContext): Promise<void> {
  const { unit, runner, uid, interrupt } = context;
  requireRoot(uid, `${unit.side} install`);
  await context.check();
  await refuseForegroundDaemon(context);
  await executeSteps(installPlan(unit, await packagedUnit(unit.side)), runner, uid, interrupt);
  try {
    const limited = withTimeLimit(interrupt, START_LIMIT_MS);
    await executeSteps(startPlan(unit.side), runner, uid, limited);
  } catch (error) {
    if (interrupt.aborted) throw error;
    throw await notRunning(runner, unitName(unit.side), error);
  }
  await context.ping();
}

/** Null where no package has brought a unit. */
async function packagedUnit(side: UnitOptions['side']): Promise<string | null> {
  return readFile(packagedUnitPath(side), 'utf8').catch(() => null);
}

/** The argv of the daemon, as its unit starts it: this very program, with those of its options (all of them paths) that were given. */
export function daemonArgv(program: Command, verb: string): string[] {
  const given = program.options.flatMap((option) => {
    const value: unknown = program.getOptionValue(option.attributeName());
    const isGiven = option.long !== undefined && typeof value === 'string' && value !== option.defaultValue;
    return isGiven ? [option.long ?? '', resolve(value)] : [];
  });
  return [process.execPath, realpathSync(process.argv[1] ?? ''), verb, ...given];
}

/** Nothing is installed where nothing would start it: that is said, with what would have been done. */
async function refuseWithoutSystemd(
  console: Console,
  steps: readonly (ServiceStep | string)[],
  hint: string,
): Promise<void> {
  if (await needsSystemdUnit()) return;
  printSteps(console, steps);
  throw new RelayError('missing-capability', 'systemd does not run here: nothing was changed', { hint });
}

/** Its service could not start beside it. */
async function refuseForegroundDaemon({ runner, unit }: ServiceContext): Promise<void> {
  const { active } = await serviceState(runner, unitName(unit.side));
  if (active === 'active' || active === 'activating') return;
  const lock = await takeInstanceLock(unit.side).catch((error: unknown) => {
    throw new RelayError('conflict', `a ${unit.side} daemon runs already, but not as a service`, {
      hint: 'stop it first; traffic goes on meanwhile',
      cause: error,
    });
  });
  await lock.release();
}
