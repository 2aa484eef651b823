/** `controller export` and `controller import`. */

import { RelayError } from '@homeward/shared/errors/relay-error';
import { audited } from '@homeward/shared/terminal/audit-command';
import type { Console } from '@homeward/shared/terminal/console';
import type { DocumentedCommand } from '@homeward/shared/terminal/manual/documented-command';
import { openExport, parseExport, sealState } from '../operations/export-file.js';
import { readBounded, readExport, refuseTarget, writeExport } from '../operations/export-target.js';
import { importRelay, stateToExport } from '../operations/transfer.js';
import type { RelayState } from '../store/state.js';
import type { CommandContext } from './context.js';
import { type PassphraseOptions, readPassphrase } from './passphrase.js';

interface ExportOptions {
  readonly force?: boolean;
  readonly passphraseFile?: string;
}

/** The file name that stands for stdout or stdin. */
const STREAM = '-';

const PASSPHRASE_TEXT =
  'The passphrase is asked for on the terminal; without one: --passphrase-file, or HOMEWARD_PASSPHRASE.';

export function addTransferCommands(
  program: DocumentedCommand,
  context: () => CommandContext,
  interrupt: AbortSignal,
): void {
  const stateDir = (): string => program.opts<{ stateDir: string }>().stateDir;
  program
    .command('export')
    .summary("write the relay's identity and pairings to one encrypted file")
    .description(
      `Writes everything this relay remembers (keys, backends, forwards, tokens, revocations), to move it to another machine. Works with and without a daemon.\nSettings of serve, flags or /etc/homeward/controller.json, are not in it. ${PASSPHRASE_TEXT}`,
    )
    .argument('<file>', 'where to write it (0600); - for stdout')
    .option('--passphrase-file <file>', 'read the passphrase from the first line of this file')
    .option('--force', 'replace a file that is there')
    .example('controller export relay.homeward', 'asks for a passphrase; copy the file to the new machine')
    .example(
      'controller export - --passphrase-file FILE | ssh new-relay controller import - --passphrase-file FILE',
      'straight to the new machine, which has the passphrase already',
    )
    .action((file: string, options: ExportOptions) => runExport(context(), stateDir(), file, options, interrupt));
  program
    .command('import')
    .summary('take over a relay that was exported on another machine')
    .description(
      `Stores the identity and pairings of an export as this machine's relay; never over a relay that is here. ${PASSPHRASE_TEXT}`,
    )
    .argument('<file>', 'what controller export wrote; - for stdin')
    .option('--passphrase-file <file>', 'read the passphrase from the first line of this file')
    .example('controller import relay.homeward', 'on the new machine; the old one is down by then')
    .action((file: string, options: { passphraseFile?: string }) =>
      runImport(context(), stateDir(), file, options.passphraseFile, interrupt),
    );
}

async function runExport(
  { console, side }: CommandContext,
  stateDir: string,
  file: string,
  options: ExportOptions,
  interrupt: AbortSignal,
): Promise<void> {
  const force = options.force === true;
  if (file !== STREAM) await refuseTarget(file, force);
  else if (process.stdout.isTTY === true) {
    throw new RelayError('bad-input', 'an export does not belong on a terminal', {
      hint: 'name a file: controller export FILE, or let another program read it',
    });
  }
  const state = await stateToExport(side, stateDir);
  const source = { file: options.passphraseFile, twice: true, terminal: terminalOr(process.stdin.isTTY === true) };
  const text = await sealState(state, await readPassphrase(source, interrupt));
  const exported = (to: string) =>
    audited(side.auditPath, async (audit) => audit.record({ event: 'exported', details: { file: to } }));
  if (file === STREAM) {
    // Stdout is the export itself, one JSON document with and without --json.
    process.stdout.write(text);
    await exported('stdout');
    return;
  }
  await writeExport(file, text, force);
  await exported(file);
  console.document({ file, backends: namesOf(state), tokens: state.tokens.length });
  tellExported(console, state, file);
}

async function runImport(
  { console, side }: CommandContext,
  stateDir: string,
  file: string,
  passphraseFile: string | undefined,
  interrupt: AbortSignal,
): Promise<void> {
  const where = file === STREAM ? 'what came on stdin' : file;
  const isAsked = file !== STREAM && process.stdin.isTTY === true;
  const state = await importRelay(side, stateDir, async () => {
    const text =
      file === STREAM ? await readBounded(process.stdin, where, interrupt) : await readExport(file, interrupt);
    const document = parseExport(text, where);
    const source = { file: passphraseFile, twice: false, terminal: terminalOr(isAsked) };
    return openExport(document, await readPassphrase(source, interrupt), where);
  });
  const backends = state.pairings.length;
  await audited(side.auditPath, async (audit) => audit.record({ event: 'imported', details: { backends } }));
  const { publicKey } = state.identity;
  console.document({ stateDir, publicKey, backends: namesOf(state), tokens: state.tokens.length });
  tellImported(console, state, stateDir);
}

function terminalOr(isTerminal: boolean): PassphraseOptions['terminal'] {
  return isTerminal ? { input: process.stdin, output: process.stderr } : null;
}

function namesOf(state: RelayState): string[] {
  return state.pairings.map((pairing) => pairing.name);
}

function backendsText(state: RelayState): string {
  const names = namesOf(state);
  if (names.length === 0) return 'no backends';
  return `${names.length === 1 ? '1 backend' : `${names.length} backends`} (${names.join(', ')})`;
}

function tellExported(console: Console, state: RelayState, file: string): void {
  console.line(`exported this relay, ${backendsText(state)}, to ${file} (encrypted, mode 0600)`);
  console.line('To move the relay:');
  console.line('  1. stop it here: controller down (what changes here from now on is not in the file)');
  console.line(`  2. on the new machine: controller import ${file}`);
  console.line('  3. let what the backends dial lead there: move its DNS name, or its address');
  console.line('  4. on the new machine: controller serve, with the settings of this one');
  console.line(
    console.style('yellow', 'Never run both at once: two relays with one identity take the backends from each other.'),
  );
}

function tellImported(console: Console, state: RelayState, stateDir: string): void {
  console.line(`imported a relay, ${backendsText(state)}, into ${stateDir}`);
  console.line('Next:');
  console.line('  1. stop the old relay, if it still runs: controller down there');
  console.line('  2. let what the backends dial lead here: its DNS name, or its address');
  console.line(
    '  3. controller serve --endpoint NAME, as the old one was started; the backends reconnect by themselves',
  );
  console.line('  4. controller probe');
}
