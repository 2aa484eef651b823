/** Names that the running agent knows, for completion: its relays. */

import type { NameSource } from '@homeward/shared/terminal/completion/completion-commands';
import { z } from 'zod';
import type { CommandContext } from './context.js';

const relaysSchema = z.looseObject({ relays: z.array(z.looseObject({ name: z.string() })) });

export function nameSources({ call }: CommandContext): Record<'relay', NameSource> {
  return {
    relay: async (_, signal) => relaysSchema.parse(await call('status', {}, signal)).relays.map(({ name }) => name),
  };
}
