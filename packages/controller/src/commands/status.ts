/** `controller status` and `controller probe`. */

import { RelayError } from '@homeward/shared/errors/relay-error';
import { fingerprint } from '@homeward/shared/session/keys';
import type { Console } from '@homeward/shared/terminal/console';
import { table } from '@homeward/shared/terminal/table';
import type { Command } from 'commander';
import { z } from 'zod';
import type { CommandContext } from './context.js';
import { printProbes, probeOutcomeSchema } from './probe-table.js';
import { checkSpecs } from './specs.js';

const statusSchema = z.looseObject({
  relay: z.looseObject({
    endpoints: z.array(z.string()),
    publicKey: z.string(),
    version: z.string(),
    repair: z.boolean(),
  }),
  backends: z.array(
    z.looseObject({
      name: z.string(),
      state: z.string(),
      fingerprint: z.string().nullable(),
      tunnel: z
        .looseObject({
          kind: z.string(),
          implementation: z.string().nullable(),
          backendAddress: z.string(),
          lastHandshakeSeconds: z.number().nullable(),
        })
        .nullable(),
      forwards: z.array(
        z.looseObject({
          spec: z.string(),
          state: z.string(),
          reason: z.string().nullable(),
          bytesIn: z.number(),
          bytesOut: z.number(),
        }),
      ),
      proof: z.object({ ok: z.boolean(), at: z.string() }).nullable(),
    }),
  ),
});

type Backend = z.infer<typeof statusSchema>['backends'][number];

export function addStatusCommands(program: Command, context: () => CommandContext): void {
  program
    .command('status')
    .summary('how things are')
    .description('Shows the relay, its backends, their tunnels and forwards, and the last proof.')
    .argument('[backend]')
    .action(async (backend: string | undefined) => {
      const { console, call } = context();
      const document = await call('status', { backend: backend ?? null });
      console.document(document);
      if (!console.json) printStatus(console, statusSchema.parse(document));
    });
  program
    .command('probe')
    .summary('prove every forward now')
    .description(
      'Connects to every forward as a client would and compares what the client, the backend and its links saw. Exit code 1 when a proof fails.',
    )
    .argument('[backend]')
    .option('--forward <spec>', 'only this forward')
    .action(async (backend: string | undefined, options: { forward?: string }) => {
      const { console, call } = context();
      if (options.forward !== undefined) checkSpecs([options.forward]);
      const document = await call('probe', { backend: backend ?? null, forward: options.forward ?? null });
      console.document(document);
      const outcome = probeOutcomeSchema.parse(document);
      if (!console.json) printProbes(console, outcome);
      if (outcome.ok) return;
      throw new RelayError('probe-failed', failureText(outcome), {
        hint: 'mend what is named above, then repeat the probe',
      });
    });
}

function failureText(outcome: z.infer<typeof probeOutcomeSchema>): string {
  const red = outcome.results.filter((result) => !result.ok);
  return `${red.length} of ${outcome.results.length} probes failed: ${red.map((result) => `${result.backend} ${result.port}/${result.proto} (${result.cause})`).join(', ')}`;
}

function printStatus(console: Console, { relay, backends }: z.infer<typeof statusSchema>): void {
  console.line(
    `relay     ${relay.endpoints.join(', ')}  key ${fingerprint(relay.publicKey)}  version ${relay.version}`,
  );
  if (!relay.repair) console.line(console.style('yellow', 'repair is off: what others change is told, not mended'));
  if (backends.length === 0) return console.line('no backends yet; pair one: controller pair home');
  for (const backend of backends) printBackend(console, backend);
}

function printBackend(console: Console, backend: Backend): void {
  const state = backend.state === 'online' ? console.style('green', 'online') : console.style('yellow', backend.state);
  console.line();
  console.line(
    `${console.style('bold', backend.name)}  ${state}${backend.fingerprint === null ? '' : `  key ${backend.fingerprint}`}`,
  );
  if (backend.tunnel !== null) {
    const { kind, implementation, backendAddress, lastHandshakeSeconds } = backend.tunnel;
    const handshake =
      lastHandshakeSeconds === null ? 'no handshake yet' : `last handshake ${lastHandshakeSeconds} s ago`;
    console.line(`  tunnel  ${kind} (${implementation ?? 'not set up'}) to ${backendAddress}, ${handshake}`);
  }
  if (backend.state === 'waiting') {
    console.line(`  waits for agent enroll there; for a new token: controller pair ${backend.name}`);
  } else {
    console.line(`  proof   ${proofText(console, backend.proof)}`);
  }
  if (backend.forwards.length === 0) return;
  const rows = backend.forwards.map(({ spec, state: forwardState, reason, bytesIn, bytesOut }) => [
    `  ${spec}`,
    forwardState,
    `${bytesIn} B in`,
    `${bytesOut} B out`,
    reason ?? '',
  ]);
  console.line(table(['  FORWARD', 'STATE', 'TO BACKEND', 'FROM BACKEND', ''], rows));
}

function proofText(console: Console, proof: Backend['proof']): string {
  if (proof === null) return 'none yet; run: controller probe';
  return `${proof.ok ? console.style('green', 'ok') : console.style('red', 'failed')} at ${proof.at}`;
}
