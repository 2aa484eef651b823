/** The status document of the daemon, as the command line reads it, and what two of them tell about rates. */

import { contestSchema } from '@homeward/shared/terminal/contest-text';
import type { Look } from '@homeward/shared/terminal/watch';
import { z } from 'zod';

export const statusSchema = z.looseObject({
  relay: z.looseObject({
    endpoints: z.array(z.string()),
    publicKey: z.string(),
    version: z.string(),
    repair: z.boolean(),
    /** Why the audit log loses entries; a daemon of an older version has none. */
    auditProblem: z.string().nullable().default(null),
    contest: contestSchema,
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
          /** Of an `all`: what the backend's owner does not mean by it. */
          without: z.array(z.looseObject({ spec: z.string(), reason: z.string() })).default([]),
        }),
      ),
      proof: z.looseObject({ ok: z.boolean(), at: z.string() }).nullable(),
      unconfirmed: z
        .looseObject({ from: z.string(), to: z.string(), confirmSeconds: z.number() })
        .nullable()
        .default(null),
    }),
  ),
});

export type StatusDocument = z.infer<typeof statusSchema>;
export type BackendStatus = StatusDocument['backends'][number];
export type ForwardStatus = BackendStatus['forwards'][number];

/** Bytes per second; null where the counters began anew. */
export interface Rate {
  readonly in: number | null;
  readonly out: number | null;
}

/** Gives the rate of a forward between two looks; null for one that was not there before. */
export function ratesBetween(
  before: Look<StatusDocument>,
  now: Look<StatusDocument>,
): (backend: string, forward: ForwardStatus) => Rate | null {
  const seconds = (now.clockMs - before.clockMs) / 1000;
  const earlier = new Map(
    before.document.backends.flatMap(({ name, forwards }) =>
      forwards.map((forward) => [`${name} ${forward.spec}`, forward] as const),
    ),
  );
  const rate = (bytes: number) => (bytes < 0 || seconds <= 0 ? null : bytes / seconds);
  return (backend, forward) => {
    const was = earlier.get(`${backend} ${forward.spec}`);
    if (was === undefined) return null;
    return { in: rate(forward.bytesIn - was.bytesIn), out: rate(forward.bytesOut - was.bytesOut) };
  };
}
