/** Has the firewalls of others let something through for us, each in its own way, and takes that back. */

import { type Command, command } from '../host/command.js';
import type { Runner } from '../host/runner.js';
import { needsSystemdUnit } from '../host/systemd.js';
import { dockerRuleAdd, dockerRuleDelete } from '../kernel/docker-user.js';
import { listDockerUser } from '../kernel/docker-user-look.js';
import { firewalldAdd, firewalldRemove } from '../kernel/firewalld.js';
import { ufwAllow, ufwDelete } from '../kernel/ufw.js';
import type { Allowance, DockerAllowance } from '../state/resources.js';

export async function allow(runner: Runner, allowance: Allowance): Promise<void> {
  switch (allowance.firewall) {
    case 'docker':
      return allowInDocker(runner, allowance);
    case 'ufw':
      return runUnconfined(runner, ufwAllow(allowance));
    case 'firewalld':
      await runner.run(firewalldAdd(allowance));
  }
}

export async function disallow(runner: Runner, allowance: Allowance): Promise<void> {
  switch (allowance.firewall) {
    case 'docker':
      await runner.run(dockerRuleDelete(allowance.family, allowance.rule));
      return;
    case 'ufw':
      return runUnconfined(runner, ufwDelete(allowance));
    case 'firewalld':
      await runner.run(firewalldRemove(allowance));
  }
}

async function allowInDocker(runner: Runner, { family, rule }: DockerAllowance): Promise<void> {
  const present = await listDockerUser(runner, family);
  // Without the chain Docker drops nothing; a rule that came meanwhile is there.
  if (present === null || present.includes(rule)) return;
  await runner.run(dockerRuleAdd(family, rule, present));
}

/** ufw writes where our unit may not: below /etc and /run. */
async function runUnconfined(runner: Runner, theirs: Command): Promise<void> {
  const unit = ['--quiet', '--collect', '--wait', '--pipe', theirs.file, ...theirs.args];
  await runner.run((await needsSystemdUnit()) ? command('systemd-run', unit) : theirs);
}
