/** What ufw is asked to let through, in the words of ufw(8), and which of its rules are ours: those with our comment. Pure but for the commands as values. */

import { type Command, command } from '../host/command.js';
import { type Family, familyOf } from '../net/address.js';
import type { UfwAllowance } from '../state/resources.js';
import type { Door } from './door.js';
import type { UfwRule } from './ufw-parse.js';

export interface Ufw {
  /** Enabled by its owner, and at work in this network namespace. */
  readonly isActive: boolean;
  /** Those it has rules for. */
  readonly families: readonly Family[];
  /** Of everybody, also while it is switched off. */
  readonly rules: readonly UfwRule[];
}

export const NO_UFW: Ufw = { isActive: false, families: [], rules: [] };

/** What of the packets is let through: to this machine, or `route` for those that it forwards. */
export interface UfwMatch extends Partial<Door> {
  readonly route?: true;
  readonly inLink?: string;
  readonly outLink?: string;
}

/** In the order of words that the parser gives them. */
export function ufwRule({ route, inLink, outLink, protocol, source, port }: UfwMatch): string {
  return [
    ...(route === undefined ? ['allow'] : ['route', 'allow']),
    ...(inLink === undefined ? [] : ['in', 'on', inLink]),
    ...(outLink === undefined ? [] : ['out', 'on', outLink]),
    ...(protocol === undefined ? [] : ['proto', protocol]),
    ...(source === undefined ? [] : ['from', source]),
    ...(port === undefined ? [] : ['to', 'any', 'port', String(port)]),
  ].join(' ');
}

/**
 * As allowances with that comment. None where ufw is not at work, and none for packets of which its owner has decided by a
 * rule of his own: ufw would replace that one.
 */
export function ufwAllowances(matches: readonly UfwMatch[], ufw: Ufw, comment: string): UfwAllowance[] {
  if (!ufw.isActive) return [];
  const decided = new Set(ufw.rules.filter((rule) => rule.comment !== comment).map(({ rule }) => rule));
  return matches.flatMap((match) => {
    const rule = ufwRule(match);
    const { source } = match;
    const families = ufw.families.filter((family) => source === undefined || familyOf(source) === family);
    if (decided.has(rule) || families.length === 0) return [];
    return [{ kind: 'allowance', firewall: 'ufw', rule, comment, families }];
  });
}

/** Those with that comment, as they are. */
export function presentUfwAllowances({ rules }: Ufw, comment: string): UfwAllowance[] {
  const ours = rules.filter((rule) => rule.comment === comment && rule.allows);
  return [...new Set(ours.map(({ rule }) => rule))].map((rule) => ({
    kind: 'allowance',
    firewall: 'ufw',
    ...{ rule, comment },
    families: ours.filter((one) => one.rule === rule).map(({ family }) => family),
  }));
}

/** Of both families, where it is for both; a family that has it already keeps it. */
export function ufwAllow({ rule, comment }: UfwAllowance): Command {
  return command('ufw', [...rule.split(' '), 'comment', comment]);
}

export function ufwDelete({ rule }: UfwAllowance): Command {
  return command('ufw', rule.replace(/^(route )?allow/, '$1delete allow').split(' '));
}

/** Fails where ufw's chains are not loaded. */
export const UFW_CHAIN: Command = command('iptables', ['-w', '-S', 'ufw-user-input']);
