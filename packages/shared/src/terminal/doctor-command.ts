/** `doctor`, the same on both sides: what this machine can do, what of it is used, what to install. */

import { z } from 'zod';
import { RelayError } from '../errors/relay-error.js';
import type { Runner } from '../host/runner.js';
import { type Capability, isSufficient, tryCapabilities } from '../kernel/capabilities.js';
import type { Console } from './console.js';
import type { DocumentedCommand } from './manual/documented-command.js';
import { requireRoot } from './preflight.js';
import { table } from './table.js';

export interface DoctorContext {
  readonly console: Console;
  readonly runner: Runner;
  readonly uid: number;
  readonly interrupt: AbortSignal;
  /** The daemon's status document; throws `no-daemon` where none runs. */
  status(): Promise<unknown>;
}

export function addDoctorCommand(program: DocumentedCommand, context: () => DoctorContext): void {
  const name = program.name();
  program
    .command('doctor')
    .summary('what this machine can do, and what is missing')
    .description(
      'Tries everything homeward needs of the kernel and of programs, in a network namespace that is gone at once; the kernel may load modules for it, which are named. Needs no daemon; where one runs, it is shown what its tunnels use. Exit code 4 where something is missing that nothing works without.',
    )
    .example(`${name} doctor`, 'before the first use, and where something does not work')
    .action(async () => {
      const { console, runner, uid, interrupt, status } = context();
      requireRoot(uid, `${name} doctor`);
      const found = await tryCapabilities(runner, interrupt);
      const used = usedNames(await status().catch(withoutDaemon));
      const ok = isSufficient(found);
      console.document({ ok, capabilities: found.map((one) => ({ ...one, used: used?.has(one.name) ?? null })) });
      for (const line of doctorLines(found, used, console.style)) console.line(line);
      if (!ok) throw new RelayError('missing-capability', 'this machine lacks what is marked above');
    });
}

function withoutDaemon(error: unknown): null {
  if (error instanceof RelayError && error.code === 'no-daemon') return null;
  throw error;
}

const tunnel = z.looseObject({ kind: z.string(), implementation: z.string().nullable(), udp: z.boolean().optional() });
const listed = z.array(z.looseObject({ tunnel: tunnel.nullable() }));
const statusDocument = z.looseObject({ backends: listed.optional(), relays: listed.optional() });

/** Names of capabilities that the daemon's tunnels use; null where no daemon runs. */
export function usedNames(document: unknown): ReadonlySet<string> | null {
  if (document === null) return null;
  const { backends = [], relays = [] } = statusDocument.parse(document);
  const names = [...backends, ...relays].flatMap((one) => (one.tunnel === null ? [] : namesOf(one.tunnel)));
  return new Set(names);
}

function namesOf({ kind, implementation, udp }: z.infer<typeof tunnel>): string[] {
  if (kind === 'wireguard') return implementation === null ? [] : [`WireGuard (${implementation})`];
  if (kind === 'gre') return udp === true ? ['GRE', 'GRE in UDP (FOU)'] : ['GRE'];
  return [];
}

/** As people read them. */
export function doctorLines(
  capabilities: readonly Capability[],
  used: ReadonlySet<string> | null,
  style: Console['style'],
): string[] {
  const rows = capabilities.map((one) => [
    one.name,
    one.works ? style('green', 'yes') : style(one.essential ? 'red' : 'yellow', 'no'),
    used?.has(one.name) === true ? 'used' : '',
    one.works ? loadedText(one) : `${one.reason}`,
    one.purpose,
  ]);
  const hints = capabilities.flatMap(({ name, hint }) => (hint === null ? [] : [`${name}: ${hint}`]));
  return [...table(['NEEDED', 'HERE', '', '', 'FOR'], rows).split('\n'), ...(hints.length === 0 ? [] : ['', ...hints])];
}

function loadedText({ loaded }: Capability): string {
  return loaded.length === 0 ? '' : `loaded ${loaded.join(', ')}`;
}
