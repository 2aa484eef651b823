/** What `status` says of somebody who undoes our repairs, on either side. */

import { z } from 'zod';

export const contestSchema = z.looseObject({ line: z.string(), by: z.string().nullable() }).nullable();

/** The lines to be printed; none where nothing is contested. */
export function contestLines(contest: z.infer<typeof contestSchema>): string[] {
  if (contest === null) return [];
  const { line, by } = contest;
  return [
    `somebody undoes again and again what homeward mends: ${line}`,
    `  ${by === null ? 'the kernel does not tell who' : `last by ${by}`}; it is mended ever more slowly until that ends`,
  ];
}
