/** `agent status` as people read it: each relay with its tunnel, its forwards and what the policy refused. */

import { auditLines } from '@homeward/shared/terminal/audit-command';
import type { Console } from '@homeward/shared/terminal/console';
import { contestLines, contestSchema } from '@homeward/shared/terminal/contest-text';
import { handshakeText, tunnelState } from '@homeward/shared/terminal/tunnel-text';
import { z } from 'zod';

export const statusSchema = z.looseObject({
  repair: z.boolean(),
  /** Why the audit log loses entries; a daemon of an older version has none. */
  auditProblem: z.string().nullable().default(null),
  contest: contestSchema,
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
          backendAddress: z.string().nullable(),
          lastHandshakeSeconds: z.number().nullable(),
        })
        .nullable(),
      forwards: z.array(z.string()),
      refused: z.array(z.looseObject({ spec: z.string(), reason: z.string() })),
      unconfirmed: z.looseObject({ from: z.string(), confirmSeconds: z.number() }).nullable().default(null),
    }),
  ),
});

export type StatusDocument = z.infer<typeof statusSchema>;
type RelayStatus = StatusDocument['relays'][number];

/** Forwards of one relay; more are counted. */
const LISTED = 24;

export function statusLines(
  { relays, repair, contest, auditProblem }: StatusDocument,
  style: Console['style'],
): string[] {
  return [
    ...(repair ? [] : [style('yellow', 'repair is off: what others change is told, not mended')]),
    ...contestLines(contest).map((line) => style('red', line)),
    ...auditLines(auditProblem, style),
    ...(relays.length === 0 ? ['paired with no relay; get a token there: controller pair NAME'] : []),
    ...relays.flatMap((relay) => relayLines(relay, style)),
  ];
}

function relayLines(relay: RelayStatus, style: Console['style']): string[] {
  const { name, slot, endpoint, tunnel, forwards, refused, unconfirmed } = relay;
  const state = style(relay.state === 'online' ? 'green' : 'yellow', relay.state);
  return [
    `${style('bold', name)}  ${state}  slot ${slot}, ${endpoint ?? 'no endpoint'}`,
    ...(tunnel === null ? [] : [tunnelLine(tunnel)]),
    ...(unconfirmed === null
      ? []
      : [
          `  change    ${style('yellow', 'waits for the relay to confirm it')}; if it does not within ${unconfirmed.confirmSeconds} s, ${unconfirmed.from} comes back`,
        ]),
    `  forwards  ${some(forwards).join(', ') || 'none'}`,
    ...some(refused.map(({ spec, reason }) => `${spec}: ${reason}`)).map((line) => `  refused   ${line}`),
  ];
}

function tunnelLine(tunnel: NonNullable<RelayStatus['tunnel']>): string {
  const { kind, device, backendAddress } = tunnel;
  return `  tunnel    ${tunnelState(tunnel)} ${device}, ${backendAddress ?? 'not there'}${kind === 'wireguard' ? `, ${handshakeText(tunnel)}` : ''}`;
}

function some(words: readonly string[]): string[] {
  const rest = words.length - LISTED;
  return rest <= 1 ? [...words] : [...words.slice(0, LISTED), `… and ${rest} more (agent status --json)`];
}
