/**
 * The daemons asked on their sockets by the test itself, as the command lines do: in an emulated machine each start of a
 * program takes seconds. What the command lines print is the lab's business.
 */

import { existsSync } from 'node:fs';
import { callDaemon } from '@homeward/shared/local/api-client';
import { CONFIRM_BOUNDS_MS } from '@homeward/shared/protocol/confirm-time';
import { type ControllerStatus, type ProbeReport, type Program, start } from './homeward.js';
import type { LabNode } from './lab-node.js';
import { patient } from './patience.js';
import { poll } from './poll.js';
import type { Running } from './running.js';

/** Throws what the daemon answers, as the command line would tell it. */
export const ask = (
  node: LabNode,
  side: Program,
  command: string,
  args: Record<string, unknown>,
  onEvent: (event: Record<string, unknown>) => void = () => undefined,
): Promise<unknown> => {
  const socketPath = node.file(`/run/homeward/${side}.sock`);
  return callDaemon({ socketPath, program: side, startHint: side }, command, args, onEvent);
};

/** Starts a daemon and waits until it answers. */
export const startNow = async (
  node: LabNode,
  side: Program,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<Running> => {
  const daemon = start(node, side, [side === 'controller' ? 'serve' : 'run', ...args], { env });
  await poll(`an answer of ${daemon.command}`, 30_000, async () => {
    if (!daemon.alive()) throw new Error(`${daemon.command} has ended:\n${daemon.stdout()}\n${daemon.stderr()}`);
    if (!existsSync(node.file(`/run/homeward/${side}.sock`))) return undefined;
    await ask(node, side, 'status', side === 'controller' ? { backend: null } : {});
    return true;
  });
  return daemon;
};

export const statusNow = async (relay: LabNode): Promise<ControllerStatus> =>
  (await ask(relay, 'controller', 'status', { backend: null })) as ControllerStatus;

export const probeNow = async (relay: LabNode, backend: string | null = null): Promise<ProbeReport> =>
  (await ask(relay, 'controller', 'probe', { backend, forward: null })) as ProbeReport;

export interface TunnelAsked {
  readonly kind: 'wireguard' | 'gre' | 'external';
  readonly udp?: boolean;
  readonly key?: number;
  readonly device?: string;
}

/** `controller pair NAME …`; resolves when all is proven, rejects as the command would end. `onToken` gets the token of a new pairing. */
export const pairNow = async (
  relay: LabNode,
  backend: string,
  {
    tunnel,
    forwards = [],
    onToken,
  }: {
    readonly tunnel?: TunnelAsked;
    readonly forwards?: readonly string[];
    readonly onToken?: (token: string) => void;
  },
): Promise<void> => {
  const wish = tunnel === undefined ? null : { udp: false, key: null, device: null, ...tunnel };
  const confirmMs = Math.min(patient(30_000), CONFIRM_BOUNDS_MS.most);
  const rest = { takeOver: false, confirmMs, expiresMs: 3_600_000, wait: true, timeoutMs: 600_000 };
  const answer = await ask(relay, 'controller', 'pair', { backend, forwards, tunnel: wish, ...rest }, (event) => {
    if (event['event'] === 'token') onToken?.(String(event['token']));
  });
  const { proof } = answer as { proof: ProbeReport | null };
  if (proof?.ok !== true) throw new Error(`not proven: ${JSON.stringify(proof?.results.filter(({ ok }) => !ok))}`);
};

/** Pairs a new backend: its agent is started with the token. A failure tells what both daemons said meanwhile. */
export const pairNew = async (
  relay: { readonly node: LabNode; readonly daemon: Running },
  backend: LabNode,
  name: string,
  options: {
    readonly tunnel?: TunnelAsked;
    readonly forwards: readonly string[];
    readonly agentArgs?: readonly string[];
  },
): Promise<void> => {
  const { agentArgs = [], ...asked } = options;
  const daemons = [relay.daemon];
  const onToken = (token: string): void => {
    daemons.push(start(backend, 'agent', ['run', ...agentArgs], { env: { HOMEWARD_TOKEN: token } }));
  };
  try {
    await pairNow(relay.node, name, { ...asked, onToken });
  } catch (cause) {
    const logs = daemons.map((daemon) => `${daemon.command}:\n${daemon.stdout()}\n${daemon.stderr()}`);
    throw new Error([String(cause), ...logs].join('\n'), { cause });
  }
};

/** The proof is green within the limit, with nobody touching anything. */
export const expectHealed = (relay: LabNode, limitMs = 30_000): Promise<true> =>
  poll('a green proof', limitMs, async () => ((await probeNow(relay)).ok ? true : undefined));
