/** The few coarse things that applying can do, as data. */

import type { StaleFlows } from '../kernel/stale-flows.js';
import type { Family } from '../net/address.js';
import type { LinkName } from '../net/names.js';
import type { Sysctl, WireguardDevice } from '../state/resources.js';

export type Step =
  | { readonly kind: 'create-wireguard-link'; readonly link: LinkName }
  | { readonly kind: 'configure-wireguard'; readonly device: WireguardDevice }
  /** One nft transaction; `tables` are the skeletons it puts in place, with their fingerprints. */
  | { readonly kind: 'nft'; readonly script: string; readonly tables: Readonly<Record<string, string>> }
  | { readonly kind: 'sysctl'; readonly sysctl: Sysctl }
  /** One batch of ip commands of a family. */
  | { readonly kind: 'ip'; readonly family: Family; readonly lines: readonly string[] }
  | { readonly kind: 'delete-link'; readonly link: LinkName }
  | { readonly kind: 'forget-flows'; readonly flows: readonly StaleFlows[] };

export type StepKind = Step['kind'];
export type StepOf<Kind extends StepKind> = Extract<Step, { kind: Kind }>;
