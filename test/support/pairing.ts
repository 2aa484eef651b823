/** Pairing through the two command lines, with the events that `controller pair --json` prints. */

import { homeward, type ProbeReport, probe, start, startDaemon } from './homeward.js';
import type { LabNode } from './lab-node.js';
import { poll } from './poll.js';
import type { Running } from './running.js';

export interface PairEvent {
  readonly event: string;
  readonly ok?: boolean;
  readonly token?: string;
  readonly [key: string]: unknown;
}

export interface Pairing {
  readonly process: Running;
  events(): PairEvent[];
  /** Waits for an event by its name. */
  event(name: string, limitMs?: number): Promise<PairEvent>;
}

const parse = (text: string): PairEvent[] => {
  const complete = text.slice(0, text.lastIndexOf('\n') + 1);
  return complete
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as PairEvent);
};

/** Starts `controller pair NAME --json --forward …` and follows its events. */
export const startPair = (
  relay: LabNode,
  backend: string,
  forwards: readonly string[],
  args: readonly string[] = [],
): Pairing => {
  const specs = forwards.flatMap((spec) => ['--forward', spec]);
  const process = start(relay, 'controller', ['pair', backend, '--json', ...specs, ...args]);
  const events = (): PairEvent[] => parse(process.stdout());
  const event = (name: string, limitMs = 20_000): Promise<PairEvent> =>
    poll(`the event ${name} of ${process.command}`, limitMs, () => {
      const found = events().find((one) => one.event === name);
      if (found !== undefined) return found;
      if (!process.alive()) throw new Error(`it ended with:\n${process.stdout()}\n${process.stderr()}`);
      return undefined;
    });
  return { process, events, event };
};

/** The token of a pairing that waits for its agent. */
export const tokenOf = async (pairing: Pairing): Promise<string> => {
  const { token } = await pairing.event('token');
  if (typeof token !== 'string') throw new Error('the token event carries no token');
  return token;
};

export interface Paired {
  readonly controller: Running;
  readonly agent: Running;
  readonly pairing: Pairing;
  readonly token: string;
}

/** The two machines to be paired; a lab itself stands for its first relay and first backend. */
export interface Ends {
  readonly relay: LabNode;
  readonly backend: LabNode;
}

export interface PairOptions {
  readonly name?: string;
  readonly forwards: readonly string[];
  readonly controllerArgs?: readonly string[];
  readonly agentArgs?: readonly string[];
  readonly enrollArgs?: readonly string[];
  /** Daemons that run already, from an earlier pairing of the same machine. */
  readonly controller?: Running;
  readonly agent?: Running;
}

/** A green proof within the limit, by the command line. */
export const provenInTheEnd = (relay: LabNode, args: readonly string[] = []): Promise<ProbeReport> =>
  poll('a proof of the pairing', 20_000, async () => {
    const { report } = await probe(relay, args);
    if (!report.ok) throw new Error(JSON.stringify(report.results.filter(({ ok }) => !ok)));
    return report;
  });

/** The whole way: `serve`, `pair`, the token into `agent enroll`, `agent run`, until `pair` has ended. */
export const pairUp = async ({ relay, backend }: Ends, options: PairOptions): Promise<Paired> => {
  const controller = options.controller ?? (await startDaemon(relay, 'controller', options.controllerArgs));
  const pairing = startPair(relay, options.name ?? 'home', options.forwards);
  const token = await tokenOf(pairing);
  const enrolled = await homeward(backend, 'agent', ['enroll', ...(options.enrollArgs ?? [])], {
    input: `${token}\n`,
  });
  if (enrolled.exitCode !== 0)
    throw new Error(`agent enroll: ${enrolled.exitCode}\n${enrolled.stdout}\n${enrolled.stderr}`);
  const agent = options.agent ?? start(backend, 'agent', ['run', ...(options.agentArgs ?? [])]);
  const code = await pairing.process.ended;
  if (code !== 0) {
    throw new Error(
      [`pair ended with ${code}`, pairing.process.stdout(), pairing.process.stderr(), agent.stderr()].join('\n'),
    );
  }
  return { controller, agent, pairing, token };
};
