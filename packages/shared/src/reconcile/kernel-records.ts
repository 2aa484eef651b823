/** Keeps the ledger: what must be known of the kernel before it is changed, and after, so that it can be left as it was found. */

import { RelayError } from '../errors/relay-error.js';
import type { NftListing } from '../kernel/nft-parse.js';
import type { Ownership } from '../kernel/owned-state.js';
import type { Snapshot } from '../kernel/snapshot.js';
import { isHomewardLink } from '../net/allocation.js';
import type { Sysctl } from '../state/resources.js';
import { type ApplyDeps, applyAll } from './apply.js';
import type { Ledger } from './ledger.js';
import { createListingTrust } from './listing-trust.js';
import type { Step } from './step.js';
import { pathsToRecord, recordSysctls, sysctlRestoration } from './sysctl-record.js';

export interface Restoration {
  readonly removed: readonly string[];
  /** Sysctls that stay, with the reason. */
  readonly kept: readonly string[];
  readonly errors: readonly RelayError[];
}

export interface KernelRecords {
  /** Durably: sysctls as they were, and links as ours. Throws `conflict` for a link of somebody else's. */
  beforeWriting(steps: readonly Step[], snapshot: Snapshot): Promise<void>;
  /** Tables as the kernel lists them now, links that are gone. */
  afterWriting(steps: readonly Step[], listTables: () => Promise<ReadonlyMap<string, NftListing>>): Promise<void>;
  /** Writes back what was recorded, as far as nobody else changed or needs it. */
  putSysctlsBack(snapshot: Snapshot): Promise<Restoration>;
}

export interface KernelRecordsDeps extends ApplyDeps {
  readonly ownership: Ownership;
  readonly ledger: Ledger;
}

export function createKernelRecords(deps: KernelRecordsDeps): KernelRecords {
  const { ownership, ledger } = deps;
  const trust = createListingTrust();

  /** The listing of a table right after it was loaded is what later listings are compared with. */
  async function rememberTables(
    steps: readonly Step[],
    listTables: () => Promise<ReadonlyMap<string, NftListing>>,
  ): Promise<void> {
    const loaded = Object.assign({}, ...steps.map((step) => (step.kind === 'nft' ? step.tables : {})));
    if (Object.keys(loaded).length === 0) return;
    const tables = await listTables();
    const remembered = { ...ledger.current().tables };
    for (const [name, fingerprint] of Object.entries<string>(loaded)) {
      const listing = tables.get(name);
      if (listing === undefined) continue;
      const found = { fingerprint, digest: listing.digest };
      if (trust.accepts(name, found, remembered[name])) remembered[name] = found;
    }
    await ledger.save({ ...ledger.current(), tables: remembered });
  }

  /** A name or number that is free again may be taken by somebody else. */
  async function forgetWhatIsGone(steps: readonly Step[]): Promise<void> {
    const made = new Set<string>(steps.flatMap((step) => (step.kind === 'create-link' ? [step.link.name] : [])));
    const links = new Set<string>(
      steps.flatMap((step) => (step.kind === 'delete-link' && !made.has(step.link) ? [step.link] : [])),
    );
    const ports = new Set(steps.flatMap((step) => (step.kind === 'delete-fou-port' ? [step.port] : [])));
    if (links.size === 0 && ports.size === 0) return;
    const record = ledger.current();
    await ledger.save({
      ...record,
      links: record.links.filter((link) => !links.has(link)),
      fouPorts: record.fouPorts.filter((port) => !ports.has(port)),
    });
  }

  return {
    async beforeWriting(steps, snapshot) {
      const links = steps.flatMap((step) => (step.kind === 'create-link' ? [step.link.name] : []));
      const fouPorts = steps.flatMap((step) => (step.kind === 'add-fou-port' ? [step.port] : []));
      const { links: ours } = ledger.current();
      refuseForeignLinks(
        links.filter((name) => !ours.includes(name)),
        snapshot,
      );
      refuseForeignFouPorts(fouPorts, snapshot);
      const written: Sysctl[] = steps.flatMap((step) => (step.kind === 'sysctl' ? [step.sysctl] : []));
      const foreign = foreignLinks(snapshot);
      const paths = pathsToRecord(written, foreign, ownership.isLink);
      if (paths.length === 0 && links.length === 0 && fouPorts.length === 0) return;
      const record = recordSysctls(ledger.current(), written, await deps.sysctls.readAll(paths), foreign);
      await ledger.save({
        ...record,
        links: [...new Set([...record.links, ...links])],
        fouPorts: [...new Set([...record.fouPorts, ...fouPorts])],
      });
    },
    async afterWriting(steps, listTables) {
      await forgetWhatIsGone(steps);
      await rememberTables(steps, listTables);
    },
    async putSysctlsBack(snapshot) {
      const record = ledger.current();
      if (Object.keys(record.sysctls).length === 0) return { removed: [], kept: [], errors: [] };
      const present = await deps.sysctls.readAll(Object.keys(record.sysctls));
      const { restore, kept } = sysctlRestoration(record, present, foreignLinks(snapshot));
      const errors = await applyAll(
        restore.map((sysctl) => ({ kind: 'sysctl' as const, sysctl })),
        deps,
      );
      if (errors.length === 0) await ledger.save({ ...ledger.current(), sysctls: {} });
      const changed = restore.filter((sysctl) => present.get(sysctl.path) !== sysctl.value);
      return { removed: changed.map((sysctl) => `sysctl ${sysctl.path} back to ${sysctl.value}`), kept, errors };
    },
  };
}

/** A name of ours that somebody else uses is not taken over. */
function refuseForeignLinks(links: readonly string[], snapshot: Snapshot): void {
  const foreign = links.find((name) => snapshot.links.some((link) => link.name === name));
  if (foreign === undefined) return;
  throw new RelayError('conflict', `a link named ${foreign} exists that homeward did not make`, {
    hint: `rename or remove it: ip link set ${foreign} name other0`,
  });
}

function refuseForeignFouPorts(ports: readonly number[], snapshot: Snapshot): void {
  const foreign = ports.find((port) => snapshot.fouPorts.includes(port));
  if (foreign === undefined) return;
  throw new RelayError('conflict', `somebody else takes GRE out of UDP port ${foreign} on this machine`, {
    hint: `see them: ip fou show; free it: ip fou del port ${foreign}`,
  });
}

/** Links that are not homeward's, of either side, without loopback. */
export function foreignLinks(snapshot: Snapshot): string[] {
  return snapshot.links.map((link) => link.name).filter((name) => name !== 'lo' && !isHomewardLink(name));
}
