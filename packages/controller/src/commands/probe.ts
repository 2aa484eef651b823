/** `controller probe`. */

import { RelayError } from '@homeward/shared/errors/relay-error';
import type { DocumentedCommand } from '@homeward/shared/terminal/manual/documented-command';
import type { z } from 'zod';
import type { CommandContext } from './context.js';
import { printProbes, probeOutcomeSchema } from './probe-table.js';
import { checkSpecs } from './specs.js';

export function addProbeCommand(program: DocumentedCommand, context: () => CommandContext): void {
  program
    .command('probe')
    .summary('prove every forward now')
    .description(
      'Connects to every forward as a client would and compares what the client, the backend and its links saw. Exit code 1 when a proof fails, with the cause and what to do. Changes nothing.',
    )
    .argument('[backend]', 'only the forwards of this one')
    .option('--forward <forward>', 'only this forward, such as 443/tcp')
    .example('controller probe', 'prove everything, for example after a change of the firewall')
    .example('controller probe home --forward 443/tcp', 'prove one forward')
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
