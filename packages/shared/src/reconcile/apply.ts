/** Executes steps: the only place that changes the kernel. */

import { RelayError } from '../errors/relay-error.js';
import { command } from '../host/command.js';
import type { Runner } from '../host/runner.js';
import type { SysctlFiles } from '../host/sysctl.js';
import { fouAdd, fouDelete } from '../kernel/fou.js';
import { greWords } from '../kernel/iproute-render.js';
import { forgetFlows } from '../kernel/stale-flows.js';
import { renderWireguard } from '../kernel/wireguard.js';
import type { LinkName } from '../net/names.js';
import type { WireguardDevice } from '../state/resources.js';
import { allow, disallow } from './allow.js';
import type { Step, StepKind, StepOf } from './step.js';

export interface ApplyDeps {
  readonly runner: Runner;
  readonly sysctls: SysctlFiles;
  /** Makes a WireGuard device, the kernel's or wireguard-go's. */
  createWireguardLink(link: LinkName): Promise<void>;
}

type Executors = { [Kind in StepKind]: (step: StepOf<Kind>, deps: ApplyDeps) => Promise<void> };

/** A step kind without a row here does not compile. */
const EXECUTORS: Executors = {
  'create-link': async ({ link: { name, device } }, deps) => {
    if (device.type === 'wireguard') await deps.createWireguardLink(name);
    else await deps.runner.run(command('ip', ['link', 'add', ...greWords(name, device)]));
  },
  'change-link': async ({ link: { name, device } }, { runner }) => {
    if (device.type === 'wireguard') throw new RelayError('bug', `${name} is WireGuard's: its peers change, not it`);
    await runner.run(command('ip', ['link', 'change', ...greWords(name, device)]));
  },
  'add-fou-port': async (step, { runner }) => {
    await runner.run(fouAdd(step.port));
  },
  'delete-fou-port': async (step, { runner }) => {
    await runner.run(fouDelete(step.port));
  },
  'configure-wireguard': (step, { runner }) => configureWireguard(runner, step.device),
  'renew-wireguard': async ({ device }, { runner }) => {
    const peers = device.peers.flatMap(({ publicKey }) => ['peer', publicKey, 'remove']);
    await runner.run(command('wg', ['set', device.link, ...peers]));
    await configureWireguard(runner, device);
  },
  nft: async (step, { runner }) => {
    await runner.run(command('nft', ['-f', '-'], step.script));
  },
  sysctl: async (step, { sysctls }) => {
    await sysctls.write(step.sysctl.path, step.sysctl.value);
  },
  ip: async (step, { runner }) => {
    const family = step.family === 'ipv6' ? ['-6'] : [];
    await runner.run(command('ip', [...family, '-batch', '-'], `${step.lines.join('\n')}\n`));
  },
  'delete-link': async (step, { runner }) => {
    await runner.run(command('ip', ['link', 'delete', 'dev', step.link]));
  },
  allow: ({ allowance }, { runner }) => allow(runner, allowance),
  disallow: ({ allowance }, { runner }) => disallow(runner, allowance),
  'forget-flows': async (step, { runner }) => {
    await forgetFlows(runner, step.flows);
  },
};

async function configureWireguard(runner: Runner, device: WireguardDevice): Promise<void> {
  await runner.run(command('wg', ['syncconf', device.link, '/dev/stdin'], renderWireguard(device)));
}

function execute<Kind extends StepKind>(step: StepOf<Kind>, deps: ApplyDeps): Promise<void> {
  return EXECUTORS[step.kind as Kind](step, deps);
}

/** Runs the steps in order and stops at the first that fails. */
export async function apply(steps: readonly Step[], deps: ApplyDeps): Promise<void> {
  for (const step of steps) await execute(step, deps);
}

/** Runs all steps, whatever fails on the way: for teardown. Gives the errors. */
export async function applyAll(steps: readonly Step[], deps: ApplyDeps): Promise<RelayError[]> {
  const errors: RelayError[] = [];
  for (const step of steps) {
    try {
      await execute(step, deps);
    } catch (error) {
      if (!(error instanceof RelayError)) throw error;
      errors.push(error);
    }
  }
  return errors;
}
