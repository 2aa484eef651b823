/** `agent status` and `agent leave`. */

import { RelayError } from '@homeward/shared/errors/relay-error';
import type { Console } from '@homeward/shared/terminal/console';
import type { Command } from 'commander';
import { z } from 'zod';
import type { CommandContext } from './context.js';
import { leaveWithoutDaemon } from './without-daemon.js';

const statusSchema = z.looseObject({
  repair: z.boolean(),
  relays: z.array(
    z.looseObject({
      name: z.string(),
      slot: z.number(),
      state: z.string(),
      endpoint: z.string().nullable(),
      tunnel: z
        .looseObject({
          kind: z.string(),
          implementation: z.string().nullable(),
          device: z.string(),
          backendAddress: z.string(),
          lastHandshakeSeconds: z.number().nullable(),
        })
        .nullable(),
      forwards: z.array(z.string()),
      refused: z.array(z.object({ spec: z.string(), reason: z.string() })),
    }),
  ),
});

const leaveSchema = z.object({ name: z.string(), slot: z.number(), told: z.boolean() });

export function addStatusCommands(program: Command, context: () => CommandContext): void {
  program
    .command('status')
    .summary('how things are')
    .description('Shows the relays of this backend, their tunnels and forwards, and what the policy refused.')
    .action(async () => {
      const { console, call } = context();
      const document = await call('status', {});
      console.document(document);
      if (!console.json) printStatus(console, statusSchema.parse(document));
    });
  program
    .command('leave')
    .summary('unpair from here')
    .description('Ends the pairing with a relay and removes everything of it from this backend.')
    .argument('[relay]', 'name or slot; needed only where there are several')
    .action(async (relay: string | undefined) => {
      const current = context();
      const { console } = current;
      const outcome = await leave(current, relay ?? null);
      console.document(outcome);
      console.line(`left the relay in slot ${outcome.slot} ("${outcome.name}"); nothing of it is left here`);
      if (!outcome.told) {
        console.line(console.style('yellow', `the relay was not told: run there: controller unpair ${outcome.name}`));
      }
    });
}

async function leave(context: CommandContext, relay: string | null): Promise<z.infer<typeof leaveSchema>> {
  try {
    return leaveSchema.parse(await context.call('leave', { relay }));
  } catch (error) {
    if (!(error instanceof RelayError) || error.code !== 'no-daemon') throw error;
  }
  return leaveWithoutDaemon(context, relay);
}

function printStatus(console: Console, { relays, repair }: z.infer<typeof statusSchema>): void {
  if (!repair) console.line(console.style('yellow', 'repair is off: what others change is told, not mended'));
  if (relays.length === 0) return console.line('paired with no relay; get a token there: controller pair NAME');
  for (const relay of relays) {
    const state = relay.state === 'online' ? console.style('green', relay.state) : console.style('yellow', relay.state);
    console.line(
      `${console.style('bold', relay.name)}  ${state}  slot ${relay.slot}, ${relay.endpoint ?? 'no endpoint'}`,
    );
    if (relay.tunnel !== null) {
      const { kind, implementation, device, backendAddress, lastHandshakeSeconds } = relay.tunnel;
      const handshake =
        lastHandshakeSeconds === null ? 'no handshake yet' : `last handshake ${lastHandshakeSeconds} s ago`;
      console.line(
        `  tunnel    ${kind} (${implementation ?? 'not set up'}) ${device}, ${backendAddress}, ${handshake}`,
      );
    }
    console.line(`  forwards  ${relay.forwards.join(', ') || 'none'}`);
    for (const { spec, reason } of relay.refused) console.line(`  refused   ${spec}: ${reason}`);
  }
}
