/** Where things of the host lie in a guest, and how a path of ours is told there. */
import { basename, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's root on this machine. */
export const repository = fileURLToPath(new URL('../../../../', import.meta.url)).replace(/\/$/, '');

/** What the host shares: 9p's tag → the host's directory (null: each machine's own) and its place in the guest. */
export const shares = {
  homeward: { host: repository, guest: '/opt/homeward', isReadOnly: true },
  node: { host: dirname(process.execPath), guest: '/opt/node', isReadOnly: true },
  share: { host: null, guest: '/opt/share', isReadOnly: false },
} as const;

/** Node in the guest: the very one that runs the tests. */
export const guestNode = `${shares.node.guest}/${basename(process.execPath)}`;

/** A word of a command line as the guest has to read it: its own Node, its own place of the repository. */
export const inGuest = (word: string): string => {
  if (word === process.execPath) return guestNode;
  return word === repository || word.startsWith(`${repository}/`)
    ? `${shares.homeward.guest}${word.slice(repository.length)}`
    : word;
};

/** Where tests that run in a guest leave their report. */
export const reportInGuest = `${shares.share.guest}/report.json`;
