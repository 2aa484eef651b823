/**
 * Turns changes into ordered steps: pure.
 *
 * Order: links that go, while the filter before them still stands; links that come, with their keys; then nft (so that
 * no packet meets a route before its filter), then sysctls, then addresses, routes and rules, added before removed.
 */

import {
  addressDelete,
  addressReplace,
  linkUp,
  routeDelete,
  routeReplace,
  ruleAdd,
  ruleDelete,
} from '../kernel/iproute-render.js';
import { renderNft } from '../kernel/nft-render.js';
import type { HostState, NftElement, Resource, ResourceKind, ResourceOf } from '../state/resources.js';
import type { Change } from './diff.js';
import type { Step } from './step.js';

/** `desired` is needed beside the changes: a table that is replaced needs all its elements again. */
export function plan(changes: readonly Change[], desired: HostState): Step[] {
  const made = created(changes);
  return [
    ...of(removed(changes), 'link').map((link) => ({ kind: 'delete-link' as const, link: link.name })),
    ...of(created(changes, 'create'), 'link').map((link) => ({
      kind: 'create-wireguard-link' as const,
      link: link.name,
    })),
    ...of(made, 'wireguard-device').map((device) => ({ kind: 'configure-wireguard' as const, device })),
    ...nftStep(changes, desired),
    ...of(made, 'sysctl').map((sysctl) => ({ kind: 'sysctl' as const, sysctl })),
    ...ipStep(changes),
  ];
}

function created(changes: readonly Change[], only?: 'create'): Resource[] {
  return changes.flatMap((change) =>
    change.kind === 'delete' || (only !== undefined && change.kind !== only) ? [] : [change.desired],
  );
}

function removed(changes: readonly Change[]): Resource[] {
  return changes.flatMap((change) => (change.kind === 'delete' ? [change.observed] : []));
}

function of<Kind extends ResourceKind>(resources: Iterable<Resource>, kind: Kind): ResourceOf<Kind>[] {
  return [...resources].filter((resource): resource is ResourceOf<Kind> => resource.kind === kind);
}

function nftStep(changes: readonly Change[], desired: HostState): Step[] {
  const replace = of(created(changes), 'nft-table');
  const remove = of(removed(changes), 'nft-table').map((table) => table.name);
  const fresh = new Set(replace.map((table) => table.name));
  const gone = new Set([...fresh, ...remove]);
  const updated = changes.flatMap((change) => (change.kind === 'update' ? [change.observed] : []));
  const script = renderNft({
    replace,
    remove,
    addElements: [
      ...of(desired.values(), 'nft-element').filter((element) => fresh.has(element.table)),
      ...of(created(changes), 'nft-element').filter((element) => !fresh.has(element.table)),
    ],
    deleteElements: [
      ...of(removed(changes), 'nft-element'),
      // A map element cannot change its value: it goes and comes within the transaction.
      ...of(updated, 'nft-element'),
    ].filter((element: NftElement) => !gone.has(element.table)),
  });
  if (script === '') return [];
  return [{ kind: 'nft', script, tables: Object.fromEntries(replace.map((table) => [table.name, table.fingerprint])) }];
}

function ipStep(changes: readonly Change[]): Step[] {
  const made = created(changes);
  const gone = removed(changes);
  // With a link go its addresses and routes; deleting them before would only add steps that can fail.
  const lostLinks = new Set<string>(of(gone, 'link').map((link) => link.name));
  const lines = [
    ...of(made, 'address').map(addressReplace),
    ...of(made, 'link').map(linkUp),
    ...of(made, 'route').map(routeReplace),
    ...of(made, 'rule').map(ruleAdd),
    ...of(gone, 'rule').map(ruleDelete),
    ...of(gone, 'route')
      .filter((route) => !lostLinks.has(route.link))
      .map(routeDelete),
    ...of(gone, 'address')
      .filter((address) => !lostLinks.has(address.link))
      .map(addressDelete),
  ];
  return lines.length === 0 ? [] : [{ kind: 'ip', lines }];
}
