/** `controller status` as people read it: the relay, then each backend with its tunnel, proof and forwards. */

import { fingerprint } from '@homeward/shared/session/keys';
import { auditLines } from '@homeward/shared/terminal/audit-command';
import { formatBytes, formatRate } from '@homeward/shared/terminal/bytes';
import type { Console } from '@homeward/shared/terminal/console';
import { contestLines } from '@homeward/shared/terminal/contest-text';
import { table } from '@homeward/shared/terminal/table';
import { handshakeText, tunnelState } from '@homeward/shared/terminal/tunnel-text';
import type { BackendStatus, ForwardStatus, Rate, StatusDocument } from './status-document.js';

type Style = Console['style'];
type Rates = (backend: string, forward: ForwardStatus) => Rate | null;

/** Rows of forwards in all, a page or two; with many backends each still shows a few. */
const LISTED = 48;
const LISTED_AT_LEAST = 4;

/** With `rates` also how fast bytes move now. */
export function statusLines({ relay, backends }: StatusDocument, style: Style, rates: Rates | null): string[] {
  const listed = Math.max(LISTED_AT_LEAST, Math.floor(LISTED / Math.max(1, backends.length)));
  return [
    `relay     ${relay.endpoints.join(', ')}  key ${fingerprint(relay.publicKey)}  version ${relay.version}`,
    ...(relay.repair ? [] : [style('yellow', 'repair is off: what others change is told, not mended')]),
    ...contestLines(relay.contest).map((line) => style('red', line)),
    ...auditLines(relay.auditProblem, style),
    ...(backends.length === 0 ? ['no backends yet; pair one: controller pair home'] : []),
    ...backends.flatMap((backend) => ['', ...backendLines(backend, style, rates, listed)]),
  ];
}

function backendLines(backend: BackendStatus, style: Style, rates: Rates | null, listed: number): string[] {
  const { name, tunnel, forwards } = backend;
  const state = backend.state === 'online' ? style('green', 'online') : style('yellow', backend.state);
  const key = backend.fingerprint === null ? '' : `  key ${backend.fingerprint}`;
  return [
    `${style('bold', name)}  ${state}${key}`,
    ...(tunnel === null
      ? []
      : [
          `  tunnel  ${tunnelState(tunnel)} to ${tunnel.backendAddress}${tunnel.kind === 'wireguard' ? `, ${handshakeText(tunnel)}` : ''}`,
        ]),
    backend.state === 'waiting'
      ? `  waits for agent enroll there; for a new token: controller pair ${name}`
      : `  proof   ${proofText(style, backend.proof)}`,
    ...changeLines(backend, style),
    ...(forwards.length === 0 ? [] : forwardLines(backend, style, rates, listed)),
  ];
}

function changeLines({ unconfirmed }: BackendStatus, style: Style): string[] {
  if (unconfirmed === null) return [];
  const { from, to, confirmSeconds } = unconfirmed;
  return [
    `  change  ${style('yellow', `the ${to} tunnel waits to be confirmed`)}; if it is not within ${confirmSeconds} s, ${from} comes back`,
  ];
}

function forwardLines({ name, forwards }: BackendStatus, style: Style, rates: Rates | null, listed: number): string[] {
  const urgent = [...forwards].sort((a, b) => urgency(a.state) - urgency(b.state));
  // A line that says "1 more" could as well be that one.
  const shown = urgent.length <= listed + 1 ? urgent : urgent.slice(0, listed);
  const rows = shown.map((forward) => [
    `  ${forward.spec}`,
    styledState(style, forward.state),
    formatBytes(forward.bytesIn),
    formatBytes(forward.bytesOut),
    ...(rates === null ? [] : rateCells(rates(name, forward))),
    forward.reason ?? withoutText(forward),
  ]);
  const header = [
    '  FORWARD',
    'STATE',
    'TO BACKEND',
    'FROM BACKEND',
    ...(rates === null ? [] : ['NOW TO', 'NOW FROM']),
    '',
  ];
  const rest = forwards.length - shown.length;
  const more = `  … and ${rest} more (controller status ${name} --json, controller forward list ${name})`;
  return [...table(header, rows).split('\n'), ...(rest === 0 ? [] : [more])];
}

function withoutText({ without }: ForwardStatus): string {
  return without.length === 0 ? '' : `without ${without.map(({ spec }) => spec).join(', ')} of the backend`;
}

/** What needs looking at comes first. */
function urgency(state: string): number {
  return state === 'failed' ? 0 : state === 'pending' ? 1 : 2;
}

function styledState(style: Style, state: string): string {
  if (state === 'active') return state;
  return style(state === 'failed' ? 'red' : 'yellow', state);
}

function rateCells(rate: Rate | null): string[] {
  return [formatRate(rate?.in ?? null), formatRate(rate?.out ?? null)];
}

function proofText(style: Style, proof: BackendStatus['proof']): string {
  if (proof === null) return 'none yet; run: controller probe';
  return `${proof.ok ? style('green', 'ok') : style('red', 'failed')} at ${proof.at}`;
}
