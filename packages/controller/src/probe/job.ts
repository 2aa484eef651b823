/** What the synthetic client is asked and what it answers: the protocol between the daemon and its child. */

import { z } from 'zod';

const transport = z.enum(['tcp', 'udp']);

const probeJob = z.strictObject({
  id: z.int(),
  transport,
  /** Where a client would connect to. */
  address: z.union([z.ipv4(), z.ipv6()]),
  port: z.int(),
  /** The client's own port, chosen beforehand so that it is known even if nothing answers. */
  clientPort: z.int(),
  /** base64; what a UDP probe sends. */
  payload: z.string(),
  timeoutMs: z.int(),
});

const probeReply = z.strictObject({
  id: z.int(),
  /** `answered`: the service; `refused`: its kernel, by a reset or port-unreachable; `silent`: nobody in time. */
  service: z.enum(['answered', 'refused', 'silent']),
  rttMs: z.number().nullable(),
});

export type ProbeJob = z.infer<typeof probeJob>;
export type ProbeReply = z.infer<typeof probeReply>;
export const probeJobs = z.array(probeJob);
export const probeReplies = z.array(probeReply);
