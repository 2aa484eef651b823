/** `controller pair`: the main job, told line by line. */

import { RelayError } from '@homeward/shared/errors/relay-error';
import { parseBackendName } from '@homeward/shared/net/names';
import { CONFIRM_BOUNDS_MS } from '@homeward/shared/protocol/confirm-time';
import { collect } from '@homeward/shared/terminal/collect';
import type { Console } from '@homeward/shared/terminal/console';
import { parseDuration } from '@homeward/shared/terminal/duration';
import type { DocumentedCommand } from '@homeward/shared/terminal/manual/documented-command';
import { Option } from 'commander';
import { z } from 'zod';
import type { CommandContext } from './context.js';
import { printProbes, probeOutcomeSchema } from './probe-table.js';
import { specList, specsExcept } from './specs.js';
import { parseTunnelOptions, tunnelWarning } from './tunnel-options.js';

interface PairOptions {
  readonly forward?: string[];
  readonly except?: string[];
  readonly tunnel?: string;
  readonly udp?: boolean;
  readonly key?: string;
  readonly device?: string;
  readonly confirmTimeout: string;
  readonly expires: string;
  readonly timeout: string;
  readonly wait: boolean;
  readonly takeOver?: boolean;
}

export function addPairCommand(program: DocumentedCommand, context: () => CommandContext): void {
  program
    .command('pair')
    .summary('bind a backend to this relay, set both ends up, prove the real IP')
    .description(
      'Makes a pairing and prints its token and the one command to run at the backend; waits for it, sets both ends up, probes, prints the proof. Again, while it waits: a new token.\nOn a paired backend: adds the given forwards, applies and probes everything again. With another --tunnel it changes the tunnel while everything runs. One that does not prove itself within --confirm-timeout is undone at both ends, also when the daemons are killed meanwhile.',
    )
    .argument('<backend>', 'a name for the backend: lower case letters, digits, dashes')
    .option('--forward <spec>', 'a forward such as 443/tcp, 53/tcp+udp, 8080=80/tcp', collect)
    .option('--except <ports>', 'with --forward all: ports that stay at the relay, such as 25/tcp', collect)
    .addOption(
      new Option('--tunnel <kind>', 'the tunnel; without it WireGuard, or the one there is')
        .choices(['wireguard', 'gre', 'external'])
        // Told, not checked here: what is refused below is refused with what to do.
        .argParser((kind: string) => kind),
    )
    .option('--udp', 'with --tunnel gre: in UDP, for a backend behind NAT')
    .option('--key <number>', 'with --tunnel gre: a key in each packet, 0 to 4294967295')
    .option(
      '--device <device>',
      'with --tunnel external: the device of this relay that leads to the backend, such as tun0',
    )
    .option('--confirm-timeout <time>', 'how long another tunnel may take to prove itself: 5s to 10m', '30s')
    .option('--expires <time>', 'how long the token is valid: 30m, 1h, 7d', '1h')
    .option('--timeout <time>', 'how long to wait for the backend: 90s, 10m', '10m')
    .option('--no-wait', 'print the token and do not wait for the backend')
    .option('--take-over', 'forward ports on which something of this relay listens')
    .example(
      'controller pair home --forward 443/tcp --forward 53/tcp+udp',
      'a web server and DNS at the backend "home"',
    )
    .example('controller pair home --tunnel gre --udp', 'GRE through NAT; on a paired backend: change to it, or stay')
    .example('controller pair nas --no-wait --json', 'for a program: one event a line, the token in the first')
    .action(async (backend: string, options: PairOptions) => {
      await runPair(context(), backend, options);
    });
}

async function runPair(context: CommandContext, backend: string, options: PairOptions): Promise<void> {
  const { console } = context;
  try {
    const request = requestOf(backend, options);
    const outcome = outcomeSchema.parse(
      await context.call('pair', request, (event) => tell(console, event, options.wait)),
    );
    const ok = outcome.proof === null || outcome.proof.ok;
    if (!ok) {
      throw new RelayError('probe-failed', `backend "${backend}" is paired, but its real IP is not proven`, {
        hint: `mend what is named above, then: controller probe ${backend}`,
      });
    }
    console.document({ event: 'done', backend, ok, state: outcome.state });
  } catch (error) {
    console.document({ event: 'done', backend, ok: false });
    if (error instanceof RelayError && error.code === 'interrupted')
      throw interrupted(backend, options.tunnel !== undefined);
    throw error;
  }
}

/** Checks here what can be checked without the daemon. */
function requestOf(backend: string, options: PairOptions): Record<string, unknown> {
  parseBackendName(backend);
  const forwards = specsExcept(options.forward ?? [], options.except);
  return {
    backend,
    forwards,
    takeOver: options.takeOver === true,
    tunnel: parseTunnelOptions(options),
    confirmMs: parseConfirmTimeout(options.confirmTimeout),
    expiresMs: parseDuration(options.expires, '--expires'),
    timeoutMs: parseDuration(options.timeout, '--timeout'),
    wait: options.wait,
  };
}

const CONFIRM_EXAMPLE = '1m; so long clients wait when the new tunnel does not work';

function parseConfirmTimeout(text: string): number {
  return parseDuration(text, '--confirm-timeout', CONFIRM_BOUNDS_MS, CONFIRM_EXAMPLE);
}

const outcomeSchema = z.object({
  state: z.enum(['waiting', 'paired']),
  proof: z.object({ ok: z.boolean() }).nullable(),
});

function interrupted(backend: string, hasTunnel: boolean): RelayError {
  const undone = hasTunnel ? '; a change of its tunnel that was not confirmed yet is undone' : '';
  return new RelayError(
    'interrupted',
    `interrupted; "${backend}" stays as it is, its token valid until it expires${undone}`,
    {
      hint: `see it with: controller status ${backend}; to wait again, with a new token: controller pair ${backend}`,
    },
  );
}

const eventSchemas = {
  token: z.looseObject({
    token: z.string(),
    backend: z.string(),
    expiresAt: z.string(),
    urls: z.array(z.string()),
    /** Not told by a daemon of a former version, which goes on during an upgrade. */
    problems: z.array(z.string()).default([]),
    openPorts: z.array(z.string()),
    command: z.string(),
    tunnel: z.string(),
  }),
  enrolled: z.looseObject({ backend: z.string(), fingerprint: z.string() }),
  applied: z.looseObject({
    forwards: z.array(z.string()),
    tunnel: z.looseObject({
      kind: z.string(),
      implementation: z.string().nullable(),
      device: z.string().nullable(),
      backendAddress: z.string(),
    }),
  }),
  probed: probeOutcomeSchema,
  kept: z.looseObject({ from: z.string(), to: z.string() }),
  'rolled-back': z.looseObject({ from: z.string(), to: z.string() }),
};

function tunnelWords({ kind, implementation }: { kind: string; implementation: string | null }): string {
  if (kind === 'external') return 'an external tunnel';
  return `${kind === 'gre' ? 'GRE' : 'WireGuard'} (${implementation ?? 'unknown'})`;
}

function tell(console: Console, event: Record<string, unknown>, waits: boolean): void {
  console.document(event);
  if (console.json) return;
  switch (event['event']) {
    case 'token':
      tellToken(console, eventSchemas.token.parse(event));
      if (waits) console.line(`Waiting for ${event['backend']} …`);
      return;
    case 'enrolled': {
      const { backend, fingerprint } = eventSchemas.enrolled.parse(event);
      return console.line(
        `${console.style('green', '✓')} ${backend} enrolled, key ${fingerprint} (the backend prints the same)`,
      );
    }
    case 'applied': {
      const { forwards, tunnel } = eventSchemas.applied.parse(event);
      const list = forwards.length === 0 ? 'no forwards yet' : specList(forwards);
      return console.line(
        `${console.style('green', '✓')} both ends are set up: ${tunnelWords(tunnel)} to ${tunnel.backendAddress}, ${list}`,
      );
    }
    case 'kept': {
      const { from, to } = eventSchemas.kept.parse(event);
      return console.line(`${console.style('green', '✓')} the ${to} tunnel is proven and kept; ${from} is gone`);
    }
    case 'rolled-back': {
      const { from, to } = eventSchemas['rolled-back'].parse(event);
      return console.line(`${console.style('yellow', '!')} the ${from} tunnel is undone; ${to} is set up again`);
    }
    case 'probed':
      console.line();
      return printProbes(console, eventSchemas.probed.parse(event));
    default:
      return;
  }
}

function tellToken(console: Console, event: z.infer<typeof eventSchemas.token>): void {
  const warning = tunnelWarning(event.tunnel);
  if (warning !== null) console.line(console.style('yellow', warning));
  console.line(`Run this at the backend, and paste the token when it asks:`);
  console.line();
  console.line(`  ${console.style('bold', event.command)}`);
  console.line();
  console.line(event.token);
  if (event.tunnel === 'external') {
    console.line();
    console.line('--device is what the backend calls its device that leads to this relay');
  }
  console.line();
  console.line(`It works once, until ${event.expiresAt}; the backend will dial ${event.urls.join(', ')}`);
  for (const problem of event.problems) console.line(console.style('yellow', problem));
  console.line(`If a cloud firewall stands before this relay, open ${specList(event.openPorts)}`);
}
