/** Records what is written to a machine's kernel, whoever writes it: rulesets, links, addresses, routes and rules. */
import type { LabNode } from './lab-node.js';
import type { Running } from './running.js';

export interface KernelWatch {
  /** Ends the watch: every line its monitors told, in their words. */
  end(): Promise<string[]>;
}

/** A change of our own that a monitor tells like any other: what lies between two of them is known completely. */
interface Mark {
  readonly set: readonly string[];
  readonly remove: readonly string[];
  /** What the monitor says of either. */
  readonly isSet: RegExp;
  readonly isRemoved: RegExp;
}

const nftMark = (name: string): Mark => ({
  set: ['nft', 'add', 'table', 'ip', name],
  remove: ['nft', 'delete', 'table', 'ip', name],
  isSet: new RegExp(`^add table ip ${name}\\n`, 'm'),
  isRemoved: new RegExp(`^delete table ip ${name}\\n# new generation .*\\n`, 'm'),
});

const ruleMark = (priority: string): Mark => ({
  set: ['ip', 'rule', 'add', 'pref', priority, 'lookup', 'main'],
  remove: ['ip', 'rule', 'delete', 'pref', priority],
  isSet: new RegExp(`^${priority}:.*\\n`, 'm'),
  isRemoved: new RegExp(`^Deleted ${priority}:.*\\n`, 'm'),
});

/** Below what other programs take, above homeward's rules. */
const monitors = [
  { command: ['nft', 'monitor'], begin: nftMark('lab_begin'), end: nftMark('lab_end') },
  {
    command: ['stdbuf', '-oL', 'ip', 'monitor', 'link', 'address', 'route', 'rule'],
    begin: ruleMark('32001'),
    end: ruleMark('32002'),
  },
] as const;

/** Makes the mark until the monitor has told it: a monitor that has just been started does not listen yet. */
const leaveMark = async (node: LabNode, monitor: Running, { set, remove, isRemoved }: Mark): Promise<void> => {
  for (let told = false; !told; ) {
    await node.must(set);
    await node.must(remove);
    told = await monitor.prints(isRemoved, 500).then(
      () => true,
      () => false,
    );
  }
};

/** The lines after the last of the first marks and before the first of the last ones. */
const between = (text: string, begin: Mark, end: Mark): string[] => {
  const afterBegin = text.split(begin.isRemoved).at(-1) ?? '';
  return (afterBegin.split(end.isSet)[0] ?? '').split('\n').filter(Boolean);
};

/** Starts the watch; what is written from now on is recorded. */
export const watchKernel = async (node: LabNode): Promise<KernelWatch> => {
  const started = await Promise.all(
    monitors.map(async ({ command, begin, end }) => {
      const monitor = node.spawn(command);
      await leaveMark(node, monitor, begin);
      return { monitor, begin, end };
    }),
  );
  return {
    end: async () => {
      const lines = await Promise.all(
        started.map(async ({ monitor, begin, end }) => {
          await leaveMark(node, monitor, end);
          await monitor.kill();
          return between(monitor.stdout(), begin, end);
        }),
      );
      return lines.flat();
    },
  };
};
