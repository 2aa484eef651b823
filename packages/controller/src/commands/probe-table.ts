/** The proof, as people read it: one row a probe, and what to do about the red ones. */

import type { Console } from '@homeward/shared/terminal/console';
import { table } from '@homeward/shared/terminal/table';
import { z } from 'zod';

const probeResultSchema = z.looseObject({
  backend: z.string(),
  forward: z.string(),
  proto: z.string(),
  port: z.number(),
  client: z.string(),
  seen: z.string().nullable(),
  arrivedOn: z.string().nullable(),
  leftOn: z.string().nullable(),
  service: z.string(),
  rttMs: z.number().nullable(),
  ok: z.boolean(),
  cause: z.string().nullable(),
  hint: z.string().nullable(),
  /** Not told by a daemon of a former version, which goes on during an upgrade. */
  remedy: z.looseObject({ at: z.string(), commands: z.array(z.string()) }).nullish(),
});

export const probeOutcomeSchema = z.looseObject({ ok: z.boolean(), results: z.array(probeResultSchema) });

export function printProbes(console: Console, outcome: z.infer<typeof probeOutcomeSchema>): void {
  const rows = outcome.results.map((result) => [
    result.backend,
    result.forward,
    `${result.port}/${result.proto}`,
    result.client || '-',
    result.seen ?? '-',
    `${result.arrivedOn ?? '-'}/${result.leftOn ?? '-'}`,
    result.service,
    result.rttMs === null ? '-' : `${result.rttMs.toFixed(1)} ms`,
    result.ok ? console.style('green', 'ok') : console.style('red', result.cause ?? 'failed'),
  ]);
  console.line(
    table(['BACKEND', 'FORWARD', 'PORT', 'CLIENT', 'SEEN BY BACKEND', 'IN/OUT', 'SERVICE', 'RTT', 'PROOF'], rows),
  );
  const remedies = outcome.results.flatMap(({ remedy }) => (remedy == null ? [] : [remedy]));
  const remarks = outcome.results.flatMap(({ backend, forward, ok, hint, cause }) => {
    const remark = hint ?? (ok ? null : (cause ?? 'failed'));
    return remark === null ? [] : [`  ${backend} ${forward}: ${remark}`];
  });
  for (const remark of new Set(remarks)) console.line(remark);
  for (const at of new Set(remedies.map((remedy) => remedy.at))) {
    console.line(`  to type at ${at} (Linux; it holds until its next boot):`);
    const commands = remedies.filter((remedy) => remedy.at === at).flatMap((remedy) => remedy.commands);
    for (const command of new Set(commands)) console.line(`    ${command}`);
  }
  console.line(
    outcome.ok
      ? console.style('green', 'real IP proven: the backend sees each client, and replies return through the tunnel')
      : console.style('red', 'real IP NOT proven'),
  );
}
