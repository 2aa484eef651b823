/** Watches the kernel for changes of rulesets, links, addresses, routes and rules, by the monitors of nft and ip. */

import type { Command } from './command.js';
import { dyingWithUs, startListening } from './listening-program.js';
import type { Runner } from './runner.js';

/** How long to wait before starting a monitor again that ended, milliseconds. */
const RESTART_AFTER_MS = 1_000;

const NFT_MONITOR = dyingWithUs('nft', 'monitor');
// ip buffers its output when it is no terminal; without stdbuf an event would come with the next 4 KiB.
const IP_MONITOR = dyingWithUs('stdbuf', '-oL', 'ip', 'monitor', 'label', 'link', 'address', 'route', 'rule');

/** What a monitor tells of, and what can be looked at by itself: nftables' rulesets, links with their addresses, or routes and policy rules. */
export type KernelPart = 'tables' | 'links' | 'routing';

export interface KernelWatcher {
  /**
   * Something changed; what it was is found by observing. `by` names the process where the kernel tells it: of rulesets
   * it does, and our own changes are no news there.
   */
  onChange(part: KernelPart, by: string | null): void;
  /** The elements of our tables may be others than we left: somebody else wrote to one, or events were missed. */
  onElementsUnsure(): void;
  /** Names of our tables of family inet. */
  readonly tables: readonly string[];
}

/** Watches until the signal aborts. What nft processes of the runner write is our own and no news. */
export function watchKernel(
  watcher: KernelWatcher,
  runner: Pick<Runner, 'hasStarted'>,
  path: string | undefined,
  signal: AbortSignal,
): void {
  keepRunning(IP_MONITOR, () => linkReader(watcher), path, signal);
  const readGenerations = () => {
    // What happened before the monitor listened is not told.
    watcher.onElementsUnsure();
    return generationReader(watcher, runner);
  };
  keepRunning(NFT_MONITOR, readGenerations, path, signal);
}

/** What a label of `ip monitor` (ip-monitor(8)) is about. */
const LABELS: Readonly<Record<string, KernelPart>> = {
  '[LINK]': 'links',
  '[ADDR]': 'links',
  '[ROUTE]': 'routing',
  '[RULE]': 'routing',
};

/** Reads `ip monitor label`: a labelled line each event, some with more lines behind it. */
export function linkReader(watcher: Pick<KernelWatcher, 'onChange'>): (line: string) => void {
  return (line) => {
    const part = LABELS[/^\[[A-Z]+\]/.exec(line)?.[0] ?? ''];
    if (part !== undefined) watcher.onChange(part, null);
  };
}

/**
 * Reads `nft monitor`: the changes of a transaction line by line, then `# new generation N by process PID (NAME)`. In a
 * PID namespace of our own the kernel's numbers are not ours: then everything counts as somebody else's, which is slower
 * and right.
 */
export function generationReader(watcher: KernelWatcher, runner: Pick<Runner, 'hasStarted'>): (line: string) => void {
  const ourPlaces = watcher.tables.map((table) => ` inet ${table}`);
  let isOurTable = false;
  return (line) => {
    if (line.startsWith('# ERROR')) {
      // `We lost some netlink events`: whose they were is lost as well.
      watcher.onElementsUnsure();
      watcher.onChange('tables', null);
      return;
    }
    const [, pid, program] = /^# new generation \d+ by process (\d+) \((.*)\)/.exec(line) ?? [];
    if (pid === undefined) {
      isOurTable ||= ourPlaces.some((place) => `${line} `.includes(`${place} `));
      return;
    }
    const isForeign = !runner.hasStarted(Number(pid));
    if (isForeign && isOurTable) watcher.onElementsUnsure();
    isOurTable = false;
    if (isForeign) watcher.onChange('tables', `${program}, process ${pid}`);
  };
}

/** `reader` is asked for anew at each start. */
function keepRunning(
  monitor: Command,
  reader: () => (line: string) => void,
  path: string | undefined,
  signal: AbortSignal,
): void {
  if (signal.aborted) return;
  const program = startListening(monitor, path, reader());
  const stop = (): void => void program.end();
  signal.addEventListener('abort', stop, { once: true });
  program.ended.then(() => {
    signal.removeEventListener('abort', stop);
    if (signal.aborted) return;
    const timer = setTimeout(() => keepRunning(monitor, reader, path, signal), RESTART_AFTER_MS);
    timer.unref();
  });
}
