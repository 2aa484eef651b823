/**
 * Runs a test command inside a guest and passes on what it prints; ends with its exit code. Arguments: the command,
 * with this machine's paths; its last word, a file of tests, gives the guest its name. `report.json` in the guest's share
 * is copied to HOMEWARD_VM_REPORT.
 */
import { existsSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { baseEnvironment } from '../lab-node.js';
import { inGuest, reportInGuest } from './places.js';
import { ensureSystem } from './system.js';
import { createVm } from './vm.js';

const say = (line: string): void => {
  process.stdout.write(`  ${line}\n`);
};

const environment = {
  ...baseEnvironment,
  HOMEWARD_TEST_PATIENCE: process.env['HOMEWARD_TEST_PATIENCE'] ?? '1',
};

const system = await ensureSystem(say);
const begin = Date.now();
const testCommand = process.argv.slice(2);
const name = basename(testCommand.at(-1) ?? '', '.test.js');
const vm = await createVm(system, { name, memoryMb: 2048 });
try {
  await vm.boot();
  say(`${name}: Linux ${system.release} is up after ${((Date.now() - begin) / 1000).toFixed(1)} s`);
  const command = vm.guest.start(testCommand.map(inGuest), environment);
  command.stdout?.on('data', (text: string | Buffer) => process.stdout.write(text));
  command.stderr?.on('data', (text: string | Buffer) => process.stderr.write(text));
  const code = await new Promise<number | null>((resolve) => command.once('close', resolve));
  const report = vm.node.file(reportInGuest);
  // mocha may have ended before it wrote one; who counts the tests says so.
  if (existsSync(report)) await copyFile(report, process.env['HOMEWARD_VM_REPORT'] ?? 'report.json');
  await vm.shutDown('poweroff');
  process.exitCode = code ?? 1;
} finally {
  await vm.close();
}
