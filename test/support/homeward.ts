/** The two programs under test, run as a user runs them, inside machines of the lab. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { LabNode, Outcome, RunOptions } from './lab-node.js';
import { poll } from './poll.js';
import type { Running } from './running.js';

export type Program = 'controller' | 'agent';

const programFile = (program: Program): string =>
  fileURLToPath(new URL(`../../../packages/${program}/bin/${program}.js`, import.meta.url));

/** State lives in the machine's private /run, so that it goes with the machine; each program has its own directory below. */
export const stateDirectory = '/run/homeward-state';

/** Where the backend's owner writes what is allowed; no such file unless a test makes one. */
export const policyFile = '/run/homeward-policy.json';

/** The environment in which the programs run in the lab. */
export const options = (program: Program, given: RunOptions = {}): RunOptions => ({
  ...given,
  env: { HOMEWARD_STATE_DIR: `${stateDirectory}/${program}`, HOMEWARD_POLICY: policyFile, ...given.env },
});

/** The command line of one of the programs. */
export const command = (program: Program, args: readonly string[]): string[] => [
  process.execPath,
  programFile(program),
  ...args,
];

/** Runs `controller …` or `agent …` to its end. */
export const homeward = (
  node: LabNode,
  program: Program,
  args: readonly string[],
  given?: RunOptions,
): Promise<Outcome> => node.run(command(program, args), options(program, given));

/** Starts a command that stays, such as `serve`, `run` or a waiting `pair`. */
export const start = (node: LabNode, program: Program, args: readonly string[], given?: RunOptions): Running =>
  node.spawn(command(program, args), options(program, given));

/** Starts a daemon and waits until its socket is there and it answers. */
export const startDaemon = async (
  node: LabNode,
  program: Program,
  args: readonly string[] = [],
  given?: RunOptions,
): Promise<Running> => {
  const daemon = start(node, program, [program === 'controller' ? 'serve' : 'run', ...args], given);
  const socket = node.file(`/run/homeward/${program}.sock`);
  await poll(`the socket of ${daemon.command}`, 10_000, () => {
    if (!daemon.alive()) throw new Error(`${daemon.command} has ended:\n${daemon.stdout()}\n${daemon.stderr()}`);
    return existsSync(socket) ? true : undefined;
  });
  await poll(`an answer of ${daemon.command}`, 10_000, async () => {
    if (!daemon.alive()) throw new Error(`${daemon.command} has ended:\n${daemon.stdout()}\n${daemon.stderr()}`);
    return (await homeward(node, program, ['status', '--json'])).exitCode === 0 ? true : undefined;
  });
  return daemon;
};

export interface TunnelStatus {
  readonly device: string;
  readonly relayAddress: string;
  readonly backendAddress: string;
  readonly relayAddress6: string | null;
  readonly backendAddress6: string | null;
  readonly implementation: string | null;
  readonly lastHandshakeSeconds: number | null;
}

export interface ControllerStatus {
  readonly relay: { readonly endpoints: string[]; readonly repair: boolean };
  readonly backends: {
    readonly name: string;
    readonly state: 'online' | 'offline' | 'waiting';
    readonly fingerprint: string | null;
    readonly tunnel: TunnelStatus | null;
    readonly forwards: { readonly spec: string; readonly state: string; readonly reason: string | null }[];
    readonly proof: { readonly ok: boolean; readonly at: string } | null;
  }[];
}

export interface ProbeResult {
  readonly backend: string;
  readonly forward: string;
  readonly proto: 'tcp' | 'udp';
  readonly port: number;
  readonly family: 'ipv4' | 'ipv6';
  readonly client: string;
  readonly seen: string | null;
  readonly arrivedOn: string | null;
  readonly leftOn: string | null;
  readonly replied: boolean;
  readonly service: 'answered' | 'refused' | 'silent';
  readonly ok: boolean;
  readonly cause: string | null;
  readonly hint: string | null;
  readonly droppedBy: {
    readonly at: 'relay' | 'backend';
    readonly direction: 'request' | 'reply';
    readonly table: string;
    readonly chain: string;
    readonly rule: string | null;
  } | null;
  readonly remedy: { readonly at: string; readonly commands: readonly string[] } | null;
}

export interface ProbeReport {
  readonly ok: boolean;
  readonly results: ProbeResult[];
}

export interface AgentStatus {
  readonly relays: {
    readonly name: string;
    readonly slot: number;
    readonly state: 'online' | 'offline' | 'revoked';
    readonly endpoint: string | null;
    readonly tunnel: TunnelStatus | null;
    readonly forwards: string[];
    readonly refused: { readonly spec: string; readonly reason: string }[];
  }[];
}

const document = async <T>(node: LabNode, program: Program, args: readonly string[]): Promise<T> => {
  const { stdout, stderr, exitCode } = await homeward(node, program, [...args, '--json']);
  if (exitCode !== 0) throw new Error(`${program} ${args.join(' ')}: exit ${exitCode}\n${stdout}\n${stderr}`);
  return JSON.parse(stdout) as T;
};

export const controllerStatus = (relay: LabNode): Promise<ControllerStatus> =>
  document(relay, 'controller', ['status']);

export const agentStatus = (backend: LabNode): Promise<AgentStatus> => document(backend, 'agent', ['status']);

/** `controller probe --json`, whatever its answer. */
export const probe = async (
  relay: LabNode,
  args: readonly string[] = [],
): Promise<{ exitCode: number; report: ProbeReport; stderr: string }> => {
  const { stdout, stderr, exitCode } = await homeward(relay, 'controller', ['probe', ...args, '--json']);
  try {
    return { exitCode, report: JSON.parse(stdout) as ProbeReport, stderr };
  } catch (cause) {
    throw new Error(`controller probe printed no JSON: exit ${exitCode}\n${stdout}\n${stderr}`, { cause });
  }
};
