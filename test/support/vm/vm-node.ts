/** A virtual machine as a machine of the lab: commands go through its door, files through its share. */
import { join } from 'node:path';
import { asUser, baseEnvironment, type LabNode, type RunOptions, runners } from '../lab-node.js';
import { type Followed, follow, type Running } from '../running.js';
import { inGuest, shares } from './places.js';

export interface Guest {
  readonly name: string;
  /** QEMU's process id now. */
  pid(): number;
  start(argv: readonly string[], env: Readonly<Record<string, string>>): Followed;
  /** The host's directory that the guest sees as its share. */
  readonly share: string;
}

/** Emulated, and on a host that is busy besides, what takes seconds may take minutes. */
const timeoutMs = 600_000;

/** Words that name this machine's Node or repository are told as the guest has them. */
export const vmNode = (guest: Guest): LabNode => {
  const { name } = guest;
  const spawn = (
    command: readonly string[],
    options: RunOptions & { readonly interactive?: boolean } = {},
  ): Running => {
    const argv = [...asUser(options.uid), ...command].map(inGuest);
    const child = guest.start(argv, { ...baseEnvironment, ...options.env });
    if (options.interactive !== true) child.stdin?.end(options.input ?? '');
    return follow(child, `${name}: ${command.join(' ')}`);
  };
  const run: LabNode['run'] = async (command, options = {}) => {
    const running = spawn(command, options);
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      running.kill('SIGKILL');
    }, options.timeoutMs ?? timeoutMs);
    const exitCode = await running.ended;
    clearTimeout(timer);
    const [stdout, stderr] = [running.stdout(), running.stderr()].map((text) => text.replace(/\n$/, '')) as [
      string,
      string,
    ];
    const why = isLate ? 'no end' : 'no exit code';
    if (isLate || exitCode === null) throw new Error(`${running.command}: ${why}:\n${stdout}\n${stderr}`);
    return { stdout, stderr, exitCode };
  };
  return {
    name,
    get pid() {
      return guest.pid();
    },
    ...runners(name, run),
    spawn,
    file: (path) => {
      const place = `${shares.share.guest}/`;
      if (!path.startsWith(place)) throw new Error(`${name}: ${path} is not to be seen from outside, only ${place}`);
      return join(guest.share, path.slice(place.length));
    },
  };
};
