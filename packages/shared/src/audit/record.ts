/** One line of the audit log: as a value, as text, and back. Pure. */

import { z } from 'zod';
import type { Caller } from '../local/caller.js';
import { type AuditDetails, type AuditEvent, EVENT_WORDS } from './events.js';

/** Who did it. `agent` and `relay` have proven their keys, a `stranger` has not; `daemon` is the program by itself. */
export type Actor =
  | { readonly actor: 'daemon' | 'agent' | 'relay' | 'stranger' }
  /** A process of this machine, as far as it can be known. */
  | (Caller & { readonly actor: 'local' });

export type Outcome = 'ok' | 'refused' | 'failed';

/** What happened; whoever records it says no more than this. */
export type AuditEntry = {
  [Event in AuditEvent]: {
    readonly event: Event;
    /** The backend, relay or whatever it happened to; null where there is none. */
    readonly subject?: string | null;
    readonly outcome?: Outcome;
    readonly reason?: string;
    /** Of who came by the network. */
    readonly address?: string | null;
    readonly details: AuditDetails[Event];
  };
}[AuditEvent];

const plain = z.union([z.string(), z.number(), z.boolean(), z.null()]);
/** Nothing nested: it is printed as it is. */
const flat = z.union([plain, z.array(plain).readonly()]);

const recordObject = z.object({
  /** RFC 3339, UTC. */
  time: z.string(),
  /** Of a newer version there may be others. */
  event: z.string(),
  subject: z.string().nullable(),
  actor: z.string(),
  uid: z.number().nullable().optional(),
  pid: z.number().nullable().optional(),
  loginUid: z.number().nullable().optional(),
  address: z.string().nullable(),
  outcome: z.enum(['ok', 'refused', 'failed']),
  reason: z.string().nullable(),
  /** How many more of the kind there were; only where a flood was summed up. */
  count: z.number().optional(),
  details: z.record(z.string(), flat),
});

/** A newer version may tell more. */
const recordSchema = recordObject.catchall(flat);

export type AuditRecord = z.infer<typeof recordObject>;

/** Text of others in one value; a reason of theirs must not make a line of megabytes. */
const LONGEST = 512;

export function recordOf(entry: AuditEntry, who: Actor, now: Date): AuditRecord {
  const { event, subject = null, outcome = 'ok', reason = null, address = null, details } = entry;
  return {
    time: now.toISOString(),
    event,
    subject: subject === null ? null : harmless(subject),
    ...who,
    address,
    outcome,
    reason: reason === null ? null : harmless(reason),
    details: { ...details },
  };
}

/** A token that was given in the place of something else must not be kept here. */
function harmless(text: string): string {
  return text.replace(/hw\d+_[\w-]{20,}/g, '[redacted]').slice(0, LONGEST);
}

/** One line without its end. What could steer a terminal or reverse its text is escaped, as JSON may have it. */
export function formatRecord(record: AuditRecord): string {
  return JSON.stringify(record).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, unicodeEscape);
}

function unicodeEscape(character: string): string {
  return [...Array(character.length).keys()]
    .map((index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`)
    .join('');
}

/** Null for a line that is none: torn by a crash or a full disk. */
export function parseRecord(line: string): AuditRecord | null {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return null;
  }
  return recordSchema.safeParse(value).data ?? null;
}

/** For people, one line: `2026-01-01T00:00:00Z  enrolled home (token …) by an agent from 203.0.113.9`. */
export function describeRecord(record: AuditRecord): string {
  const { time, event, subject, address, outcome, reason, count, details } = record;
  const known = Object.hasOwn(EVENT_WORDS, event) ? EVENT_WORDS[event as AuditEvent] : event;
  const told = Object.entries(details).map(([name, value]) => `${name} ${valueText(value)}`);
  const words = [
    `${time.replace(/\.\d+Z$/, 'Z')} `,
    count === undefined ? known : `${known} ${count} more times`,
    ...(subject === null ? [] : [subject]),
    ...(told.length === 0 ? [] : [`(${told.join(', ')})`]),
    ...(record.actor === 'daemon' ? [] : [`by ${actorText(record)}`]),
    ...(address === null ? [] : [`from ${address}`]),
    ...(outcome === 'ok' || event.endsWith('refused') ? [] : [outcome]),
  ];
  return `${words.join(' ')}${reason === null ? '' : `: ${reason}`}`.replace(/[\p{Cf}\p{Zl}\p{Zp}]/gu, '?');
}

function valueText(value: unknown): string {
  return Array.isArray(value) ? value.join(' ') : String(value);
}

function actorText({ actor, uid, pid, loginUid }: AuditRecord): string {
  if (actor !== 'local') return `${actor === 'agent' ? 'an' : 'a'} ${actor}`;
  const known = [
    ...(typeof uid === 'number' ? [`uid ${uid}`] : []),
    ...(typeof loginUid === 'number' ? [`logged in as ${loginUid}`] : []),
    ...(typeof pid === 'number' ? [`pid ${pid}`] : []),
  ];
  return known.length === 0 ? 'a local process' : known.join(', ');
}
