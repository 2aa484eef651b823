/** `controller forward add|remove|list`. */

import { collect } from '@homeward/shared/terminal/collect';
import type { DocumentedCommand } from '@homeward/shared/terminal/manual/documented-command';
import { z } from 'zod';
import type { CommandContext } from './context.js';
import { checkSpecs, specList, specsExcept } from './specs.js';

const outcomeSchema = z.looseObject({
  backend: z.string(),
  forwards: z.array(z.string()),
  changed: z.boolean().optional(),
  state: z.enum(['applied', 'offline', 'waiting']).optional(),
  /** Of `add`; not told by a daemon of a former version, which goes on during an upgrade. */
  problems: z.array(z.string()).default([]),
});

export function addForwardCommands(program: DocumentedCommand, context: () => CommandContext): void {
  const forward = program
    .command('forward')
    .summary('change forwards while everything runs')
    .description('Adds, removes and lists the forwards of a backend. What the specs can be: controller help forwards.');
  forward
    .command('add')
    .summary('forward more ports to a backend')
    .description(
      'Adds forwards to a backend, at both ends at once where it is online, else when it comes back. What is forwarded already stays untouched, its connections too.',
    )
    .argument('<backend>', 'its name, as in controller status')
    .argument('<spec...>', 'what to forward, such as 443/tcp, 53/tcp+udp, 8080=80/tcp, all')
    .option('--take-over', 'forward ports on which something of this relay listens')
    .option('--except <ports>', 'with all: ports that stay at the relay, such as 25/tcp,5000-6000/udp', collect)
    .example('controller forward add home 443/tcp 53/tcp+udp', 'a web server and a DNS server')
    .example('controller forward add home 2222=22/tcp', "the backend's SSH at another port of the relay")
    .example('controller forward add home all --except 25/tcp', 'everything that no other forward has, but mail')
    .action((backend: string, specs: string[], options: { takeOver?: boolean; except?: string[] }) => {
      const wanted = specsExcept(specs, options.except);
      return change(context(), 'forward-add', { backend, specs: wanted, takeOver: options.takeOver === true });
    });
  forward
    .command('remove')
    .summary('stop forwarding ports to a backend')
    .description('Removes forwards; taking 53/udp from 53/tcp+udp leaves 53/tcp. The other forwards stay untouched.')
    .argument('<backend>', 'its name, as in controller status')
    .argument('<forward...>', 'what to remove, as controller forward list prints it')
    .example('controller forward remove home 53/udp', 'no DNS over UDP any more')
    .action((backend: string, specs: string[]) => {
      checkSpecs(specs);
      return change(context(), 'forward-remove', { backend, specs });
    });
  forward
    .command('list')
    .summary('list the forwards of a backend')
    .description('Prints the forwards of a backend, one a line.')
    .argument('<backend>', 'its name, as in controller status')
    .example('controller forward list home', 'what is forwarded to home')
    .action(async (backend: string) => {
      const { console, call } = context();
      const outcome = outcomeSchema.parse(await call('forward-list', { backend }));
      console.document(outcome);
      console.line(outcome.forwards.length === 0 ? `${backend} has no forwards` : outcome.forwards.join('\n'));
    });
}

async function change(
  { console, call }: CommandContext,
  command: string,
  args: { backend: string; specs: readonly string[]; takeOver?: boolean },
): Promise<void> {
  const outcome = outcomeSchema.parse(await call(command, args));
  console.document(outcome);
  if (outcome.changed === false) console.line('no change: that is forwarded already');
  console.line(`${outcome.backend} forwards: ${specList(outcome.forwards) || 'none'}`);
  for (const problem of outcome.problems) console.line(console.style('yellow', problem));
  if (outcome.state === 'waiting') {
    console.line(
      console.style(
        'yellow',
        `${outcome.backend} has not enrolled yet: for a token run controller pair ${outcome.backend}`,
      ),
    );
  }
  if (outcome.state === 'offline') {
    console.line(console.style('yellow', `${outcome.backend} is offline: its side is set up when it comes back`));
  }
}
