/** The few coarse things that applying can do, as data. */

import type { StaleFlows } from '../kernel/stale-flows.js';
import type { Family } from '../net/address.js';
import type { LinkName } from '../net/names.js';
import type { Allowance, Link, Sysctl, WireguardDevice } from '../state/resources.js';

export type Step =
  | { readonly kind: 'create-link'; readonly link: Link }
  /** Another remote, key or port of a GRE device that is there. */
  | { readonly kind: 'change-link'; readonly link: Link }
  | { readonly kind: 'add-fou-port'; readonly port: number }
  | { readonly kind: 'delete-fou-port'; readonly port: number }
  | { readonly kind: 'configure-wireguard'; readonly device: WireguardDevice }
  /** Its peers go and come again, so that each session begins anew. */
  | { readonly kind: 'renew-wireguard'; readonly device: WireguardDevice }
  /** One nft transaction; `tables` are the skeletons it puts in place, with their fingerprints. */
  | { readonly kind: 'nft'; readonly script: string; readonly tables: Readonly<Record<string, string>> }
  | { readonly kind: 'sysctl'; readonly sysctl: Sysctl }
  /** One batch of ip commands of a family. */
  | { readonly kind: 'ip'; readonly family: Family; readonly lines: readonly string[] }
  | { readonly kind: 'allow'; readonly allowance: Allowance }
  | { readonly kind: 'disallow'; readonly allowance: Allowance }
  | { readonly kind: 'delete-link'; readonly link: LinkName }
  | { readonly kind: 'forget-flows'; readonly flows: readonly StaleFlows[] };

export type StepKind = Step['kind'];
export type StepOf<Kind extends StepKind> = Extract<Step, { kind: Kind }>;
