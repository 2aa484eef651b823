/** Has the firewalls of others let something through for us, each in its own way, and takes that back. */

import { type Command, command } from '../host/command.js';
import type { Runner } from '../host/runner.js';
import { needsSystemdUnit } from '../host/systemd.js';
import { dockerRuleAdd, dockerRuleDelete } from '../kernel/docker-user.js';
import { listDockerUser } from '../kernel/docker-user-look.js';
import { ufwAllow, ufwDelete } from '../kernel/ufw.js';
import type { Allowance } from '../state/resources.js';

export async function allow(runner: Runner, allowance: Allowance): Promise<void> {
  if (allowance.firewall === 'ufw') return runUnconfined(runner, ufwAllow(allowance));
  const { family, rule } = allowance;
  const present = await listDockerUser(runner, family);
  // Without the chain Docker drops nothing; a rule that came meanwhile is there.
  if (present === null || present.includes(rule)) return;
  await runner.run(dockerRuleAdd(family, rule, present));
}

export async function disallow(runner: Runner, allowance: Allowance): Promise<void> {
  if (allowance.firewall === 'ufw') return runUnconfined(runner, ufwDelete(allowance));
  await runner.run(dockerRuleDelete(allowance.family, allowance.rule));
}

/** Their own programs write where our unit may not: below /etc and /run. */
async function runUnconfined(runner: Runner, theirs: Command): Promise<void> {
  const { file, args } = theirs;
  const isConfined = await needsSystemdUnit();
  await runner.run(
    isConfined ? command('systemd-run', ['--quiet', '--collect', '--wait', '--pipe', file, ...args]) : theirs,
  );
}
