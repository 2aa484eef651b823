/** One virtual machine: boots, reboots, loses its power, and is a machine of the lab meanwhile. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { LabNode } from '../lab-node.js';
import { follow, type Running } from '../running.js';
import { createChannel } from './channel.js';
import { type Files, type Hardware, qemu } from './qemu.js';
import type { System } from './system.js';
import { createVmFiles } from './vm-files.js';
import { type Guest, vmNode } from './vm-node.js';

/** From QEMU's start to the open door: 15 s on an idle machine, minutes where others compute as well. */
const bootLimitMs = 600_000;
/** systemd gives units 90 s to stop, by the guest's clock. */
const shutdownLimitMs = 600_000;

export interface Vm {
  readonly node: LabNode;
  /** The guest itself: what starts processes in it, with their streams. */
  readonly guest: Guest;
  /** Switches it on; resolves when its door is open, with the time at which it was switched on (ms since the epoch). */
  boot(): Promise<number>;
  /** Seconds since its kernel started, by its own clock. */
  uptimeSeconds(): Promise<number>;
  /** Shuts down from inside, as an administrator would, and is off then: QEMU's next start is the next boot. */
  shutDown(how: 'reboot' | 'poweroff'): Promise<void>;
  /** Pulls the plug. */
  cut(): Promise<void>;
  close(): Promise<void>;
}

export interface VmOptions extends Hardware {
  /** Files of its own: path → content. */
  readonly seed?: Readonly<Record<string, string>>;
  /** The machine whose namespace holds the tap device. */
  readonly host?: LabNode;
}

/** A process that ends with us, whatever ends us. */
const startHere = (argv: readonly string[]): Running =>
  follow(
    spawn('/usr/bin/setpriv', ['--pdeathsig', 'KILL', ...argv], { stdio: ['ignore', 'pipe', 'pipe'] }),
    argv.join(' '),
  );

const machineFiles = (name: string): Record<string, string> => ({
  '/etc/hostname': `${name}\n`,
  '/etc/machine-id': `${randomBytes(16).toString('hex')}\n`,
});

const lastLines = async (file: string): Promise<string> =>
  (await readFile(file, 'utf8').catch(() => '')).split('\n').slice(-15).join('\n');

/** Makes the machine; it is off until it is booted. */
export const createVm = async (system: System, options: VmOptions): Promise<Vm> => {
  const { name } = options;
  const files = await createVmFiles(name, system.disk, { ...machineFiles(name), ...options.seed });
  const channel = await createChannel(files.door);
  let machine: Running | undefined;

  const opened = async (running: Running, { console, journal }: Files): Promise<void> => {
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(), bootLimitMs);
    running.ended.then(() => limit.abort());
    try {
      await channel.opened(limit.signal);
    } catch (cause) {
      const told = [running.stderr(), await lastLines(console), await lastLines(journal)].join('\n');
      throw new Error(`${name} did not boot within ${bootLimitMs / 1000} s; ${console}:\n${told}`, { cause });
    } finally {
      clearTimeout(timer);
    }
  };
  const boot = async (): Promise<number> => {
    const now = files.next();
    const argv = qemu(system, options, now);
    const begin = Date.now();
    const running = options.host?.spawn(argv) ?? startHere(argv);
    machine = running;
    running.ended.then(() => channel.cut());
    await opened(running, now);
    return begin;
  };
  const cut = async (): Promise<void> => {
    await machine?.kill('SIGKILL');
  };
  const guest: Guest = { name, share: files.share, start: channel.start, pid: () => machine?.pid ?? -1 };
  const node = vmNode(guest);
  const uptimeSeconds = async (): Promise<number> => Number((await node.must(['cat', '/proc/uptime'])).split(' ')[0]);
  const shutDown: Vm['shutDown'] = async (how) => {
    const before = machine;
    node.spawn(['systemctl', how]);
    const timer = setTimeout(() => before?.kill('SIGKILL'), shutdownLimitMs);
    const code = await before?.ended;
    clearTimeout(timer);
    if (code !== 0) throw new Error(`${name}: ${how} did not end it in good order (${code}): ${before?.stderr()}`);
  };
  const close = async (): Promise<void> => {
    await cut();
    await channel.close();
    await files.remove();
  };
  return { node, guest, boot, uptimeSeconds, cut, shutDown, close };
};
