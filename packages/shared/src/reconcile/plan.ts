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
import { FAMILIES, type Family, familyOf } from '../net/address.js';
import { deviceText, eachElement } from '../state/describe.js';
import type { HostState, NftElement, Resource, ResourceKind, ResourceOf } from '../state/resources.js';
import type { Change } from './diff.js';
import type { Step } from './step.js';

/** `desired` is needed beside the changes: a table that is replaced needs all its elements again. */
export function plan(changes: readonly Change[], desired: HostState): Step[] {
  const made = created(changes);
  return [
    ...of(removed(changes), 'link').map((link) => ({ kind: 'delete-link' as const, link: link.name })),
    ...of(removed(changes), 'fou-port').map(({ port }) => ({ kind: 'delete-fou-port' as const, port })),
    ...of(made, 'fou-port').map(({ port }) => ({ kind: 'add-fou-port' as const, port })),
    ...changes.flatMap(linkSteps),
    ...of(made, 'wireguard-device').map((device) => ({ kind: 'configure-wireguard' as const, device })),
    ...nftStep(changes, desired),
    ...of(made, 'sysctl').map((sysctl) => ({ kind: 'sysctl' as const, sysctl })),
    ...FAMILIES.flatMap((family) => ipStep(changes, family)),
  ];
}

/** A device cannot become another kind: it goes and comes. */
function linkSteps(change: Change): Step[] {
  if (change.kind === 'delete' || change.desired.kind !== 'link') return [];
  const { desired: link } = change;
  if (change.kind === 'create') return [{ kind: 'create-link', link }];
  const before = change.observed.kind === 'link' ? change.observed.device : link.device;
  if (before.type !== link.device.type) {
    return [
      { kind: 'delete-link', link: link.name },
      { kind: 'create-link', link },
    ];
  }
  return deviceText(before) === deviceText(link.device) ? [] : [{ kind: 'change-link', link }];
}

function created(changes: readonly Change[]): Resource[] {
  return changes.flatMap((change) => (change.kind === 'delete' ? [] : [change.desired]));
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
      ...[...desired.values()].flatMap((resource) =>
        resource.kind === 'nft-elements' && fresh.has(resource.table) ? eachElement(resource) : [],
      ),
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

/** Links are set up with IPv4, which comes first. */
function ipStep(changes: readonly Change[], family: Family): Step[] {
  const isOfFamily = (resource: Resource): boolean => {
    if (resource.kind === 'address') return familyOf(resource.address) === family;
    return resource.kind === 'route' || resource.kind === 'rule' ? resource.family === family : family === 'ipv4';
  };
  const made = created(changes).filter(isOfFamily);
  const gone = removed(changes).filter(isOfFamily);
  // With a link go its addresses and routes; deleting them before would only add steps that can fail.
  const lostLinks = new Set<string>(of(removed(changes), 'link').map((link) => link.name));
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
  return lines.length === 0 ? [] : [{ kind: 'ip', family, lines }];
}
