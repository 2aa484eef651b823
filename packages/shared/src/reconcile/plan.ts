/**
 * Turns changes into ordered steps: pure.
 *
 * Order: links that go, while the filter before them still stands; links that come, with their keys; then nft (so that
 * no packet meets a route before its filter), then sysctls, then addresses, routes and rules, added before removed. What
 * others let through for us comes last and goes first: it relies on our own filter.
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
import type { HostState, Link, NftElement, Resource, ResourceKind, ResourceOf } from '../state/resources.js';
import type { Change } from './diff.js';
import type { Step } from './step.js';

/** `desired` is needed beside the changes: a table that is replaced needs all its elements again, a link what stood on it. */
export function plan(changes: readonly Change[], desired: HostState): Step[] {
  const replaced = new Set<string>(changes.filter(isReplacement).map(({ desired: { name } }) => name));
  const changing = new Set(changes.map(({ key }) => key));
  const lost = [...desired].flatMap(([key, resource]) =>
    resource.kind !== 'nft-elements' && !changing.has(key) && stoodOn(resource, replaced) ? [resource] : [],
  );
  const made = [...created(changes), ...lost];
  return [
    ...of(removed(changes), 'allowance').map((allowance) => ({ kind: 'disallow' as const, allowance })),
    ...of(removed(changes), 'link').map((link) => ({ kind: 'delete-link' as const, link: link.name })),
    ...of(removed(changes), 'fou-port').map(({ port }) => ({ kind: 'delete-fou-port' as const, port })),
    ...of(made, 'fou-port').map(({ port }) => ({ kind: 'add-fou-port' as const, port })),
    ...changes.flatMap(linkSteps),
    ...of(made, 'wireguard-device').map((device) => ({ kind: 'configure-wireguard' as const, device })),
    ...nftStep(changes, desired),
    ...of(made, 'sysctl').map((sysctl) => ({ kind: 'sysctl' as const, sysctl })),
    ...FAMILIES.flatMap((family) => ipStep(made, removed(changes), replaced, family)),
    ...of(made, 'allowance').map((allowance) => ({ kind: 'allow' as const, allowance })),
  ];
}

function linkSteps(change: Change): Step[] {
  if (change.kind === 'delete' || change.desired.kind !== 'link') return [];
  const { desired: link } = change;
  if (change.kind === 'create') return [{ kind: 'create-link', link }];
  if (isReplacement(change)) {
    return [
      { kind: 'delete-link', link: link.name },
      { kind: 'create-link', link },
    ];
  }
  const isSame = change.observed.kind === 'link' && deviceText(change.observed.device) === deviceText(link.device);
  return isSame ? [] : [{ kind: 'change-link', link }];
}

type LinkUpdate = Extract<Change, { kind: 'update' }> & { readonly desired: Link; readonly observed: Link };

/** A device cannot become another kind, and `ip link change` keeps a key or ports that it is not told: such a link goes and comes. */
function isReplacement(change: Change): change is LinkUpdate {
  if (change.kind !== 'update' || change.desired.kind !== 'link' || change.observed.kind !== 'link') return false;
  const [before, after] = [change.observed.device, change.desired.device];
  if (before.type === 'wireguard' || after.type === 'wireguard') return before.type !== after.type;
  const loses = (part: 'key' | 'udp') => before[part] !== null && after[part] === null;
  return before.type !== after.type || loses('key') || loses('udp');
}

/** What the kernel removes together with a link, so that it has to come again with it. */
function stoodOn(resource: Resource, links: ReadonlySet<string>): boolean {
  switch (resource.kind) {
    case 'address':
    case 'route':
    case 'wireguard-device':
      return links.has(resource.link);
    case 'sysctl':
      return resource.path.split('/').some((part) => links.has(part));
    default:
      return false;
  }
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
function ipStep(
  created: readonly Resource[],
  removed: readonly Resource[],
  replaced: ReadonlySet<string>,
  family: Family,
): Step[] {
  const isOfFamily = (resource: Resource): boolean => {
    if (resource.kind === 'address') return familyOf(resource.address) === family;
    return resource.kind === 'route' || resource.kind === 'rule' ? resource.family === family : family === 'ipv4';
  };
  const made = created.filter(isOfFamily);
  const gone = removed.filter(isOfFamily);
  // With a link go its addresses and routes; deleting them before would only add steps that can fail.
  const lostLinks = new Set<string>([...replaced, ...of(removed, 'link').map((link) => link.name)]);
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
