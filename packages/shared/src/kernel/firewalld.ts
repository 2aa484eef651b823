/**
 * What firewalld is asked to let through, in the words of firewall-cmd(1): a device of ours in its zone that trusts, and
 * rich rules in the zones by which others come. Of its runtime only, so that a reload forgets it and we put it back, and
 * nothing of ours is ever in its files. Pure but for the commands as values.
 */

import { type Command, command } from '../host/command.js';
import { familyOf } from '../net/address.js';
import type { FirewalldAllowance } from '../state/resources.js';
import type { Door } from './door.js';
import type { FirewalldZone } from './firewalld-parse.js';

/** Where it runs: its zones and the one that links are in which it knows nothing of. */
export interface Firewalld {
  readonly zones: readonly FirewalldZone[];
  readonly defaultZone: string;
}

/** Of family inet. With its old way of iptables there is none: then it is not seen, and the proof names what drops. */
export const FIREWALLD_TABLE = 'firewalld';

/** Shipped with firewalld, and lets everything through. */
const TRUSTED = 'trusted';

/** In the spelling in which it is listed. */
export function richRule({ protocol, port, source }: Door, priority: number): string {
  return [
    ruleStart(priority),
    ...(source === undefined ? [] : [`family="${familyOf(source)}"`, `source address="${source}"`]),
    port === undefined ? `protocol value="${protocol}"` : `port port="${port}" protocol="${protocol}"`,
    'accept',
  ].join(' ');
}

function ruleStart(priority: number): string {
  return `rule priority="${priority}"`;
}

/** The zones of these links. */
export function zonesOf({ zones, defaultZone }: Firewalld, links: readonly string[]): string[] {
  return [...new Set(links.map((link) => boundZone(zones, link) ?? defaultZone))];
}

/** Devices of ours; of one that is in another zone its owner has decided. */
export function trustedLinks(links: readonly string[], { zones }: Firewalld): FirewalldAllowance[] {
  return links
    .filter((link) => [undefined, TRUSTED].includes(boundZone(zones, link)))
    .map((value) => ({ kind: 'allowance', firewall: 'firewalld', zone: TRUSTED, item: 'interface', value }));
}

export function richRules(zones: readonly string[], rules: readonly string[]): FirewalldAllowance[] {
  return zones.flatMap((zone) =>
    rules.map((value) => ({
      kind: 'allowance' as const,
      firewall: 'firewalld' as const,
      zone,
      item: 'rich-rule',
      value,
    })),
  );
}

function boundZone(zones: readonly FirewalldZone[], link: string): string | undefined {
  return zones.find(({ interfaces }) => interfaces.includes(link))?.name;
}

/** What of all that is there is one side's. */
export interface FirewalldOwnership {
  /** Of its rich rules. */
  readonly priority: number;
  isTrustedLink(name: string): boolean;
}

export function presentFirewalldAllowances(
  firewalld: Firewalld | null,
  { priority, isTrustedLink }: FirewalldOwnership,
): FirewalldAllowance[] {
  if (firewalld === null) return [];
  const trusted = firewalld.zones.filter(({ name }) => name === TRUSTED).flatMap(({ interfaces }) => interfaces);
  return [
    ...trustedLinks(trusted.filter(isTrustedLink), firewalld),
    ...firewalld.zones.flatMap(({ name, richRules: rules }) =>
      richRules(
        [name],
        rules.filter((rule) => rule.startsWith(`${ruleStart(priority)} `)),
      ),
    ),
  ];
}

/** Exit codes of firewall-cmd(1): what is asked for is so already, since a reload came in between. */
const PRESENT = [11, 16];
const ABSENT = [12, 17];

export function firewalldAdd({ zone, item, value }: FirewalldAllowance): Command {
  return { ...command('firewall-cmd', [`--zone=${zone}`, `--add-${item}=${value}`]), answers: PRESENT };
}

export function firewalldRemove({ zone, item, value }: FirewalldAllowance): Command {
  return { ...command('firewall-cmd', [`--zone=${zone}`, `--remove-${item}=${value}`]), answers: ABSENT };
}

export const FIREWALLD_ZONES: Command = command('firewall-cmd', ['--list-all-zones']);
export const FIREWALLD_DEFAULT: Command = command('firewall-cmd', ['--get-default-zone']);
