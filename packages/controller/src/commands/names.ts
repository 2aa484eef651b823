/** Names that the running controller knows, for completion: its backends and their forwards. */

import type { NameSource } from '@homeward/shared/terminal/completion/completion-commands';
import { z } from 'zod';
import type { CommandContext } from './context.js';

const backendsSchema = z.looseObject({
  backends: z.array(z.looseObject({ name: z.string(), forwards: z.array(z.looseObject({ spec: z.string() })) })),
});

export function nameSources({ call }: CommandContext): Record<'backend' | 'forward', NameSource> {
  const backends = async (name: string | null, signal: AbortSignal) =>
    backendsSchema.parse(await call('status', { backend: name }, undefined, signal)).backends;
  return {
    backend: async (_, signal) => (await backends(null, signal)).map(({ name }) => name),
    forward: async ([backend = null, ...given], signal) =>
      (await backends(backend, signal))
        .flatMap(({ forwards }) => forwards.map(({ spec }) => spec))
        .filter((spec) => !given.includes(spec)),
  };
}
