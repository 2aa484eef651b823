/** A relay moves to another machine as one encrypted file, and its backends follow it there. */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { controllerStatus, homeward, probe, startDaemon, stateDirectory } from '../support/homeward.js';
import { address, createLab, type Lab } from '../support/lab.js';
import type { LabNode, Outcome } from '../support/lab-node.js';
import { type Paired, pairUp } from '../support/pairing.js';
import { poll } from '../support/poll.js';
import { expectTcpAt } from '../support/real-client.js';
import { follow } from '../support/running.js';
import { type Service, startNginx } from '../support/services.js';
import { expectDone, expectRefused } from '../support/tidy.js';

const passphrase = 'correct horse battery staple';
const env = { HOMEWARD_PASSPHRASE: passphrase };
const file = '/run/relay.homeward';
const stateOfController = `${stateDirectory}/controller`;
const program = fileURLToPath(new URL('../../../packages/controller/bin/controller.js', import.meta.url));

/** Both machines are announced before the move, as a DNS name would lead to one after the other. */
const endpoints = ['--endpoint', address.relay, '--endpoint', address.relay2];

describe('export and import', () => {
  let lab: Lab;
  let paired: Paired;
  let nginx: Service;
  /** The machine the relay moves to. */
  let there: LabNode;
  let publicKey: string;

  before(async () => {
    lab = await createLab();
    there = lab.relay2;
    nginx = await startNginx(lab.backend, 80);
    paired = await pairUp(lab, { forwards: ['80/tcp'], controllerArgs: endpoints });
    const { stdout } = await homeward(lab.relay, 'controller', ['status', '--json']);
    publicKey = (JSON.parse(stdout) as { relay: { publicKey: string } }).relay.publicKey;
  });
  after(() => lab?.close());

  const here = (...args: string[]): Promise<Outcome> => homeward(lab.relay, 'controller', args, { env });
  const secretKeys = (): string[] => {
    const text = readFileSync(lab.relay.file(`${stateOfController}/controller.json`), 'utf8');
    const state = JSON.parse(text) as { identity: { secretKey: string }; wireguard: { privateKey: string } };
    return [state.identity.secretKey, state.wireguard.privateKey];
  };

  it('write a file that only its owner can read, beside a running daemon', async () => {
    const outcome = await here('export', file);
    expectDone(outcome);
    expect(outcome.stdout)
      .to.match(/1 backend \(home\)/)
      .and.to.match(/Never run both/);
    expect(statSync(lab.relay.file(file)).mode & 0o777).to.equal(0o600);
    const content = readFileSync(lab.relay.file(file), 'utf8');
    expect(JSON.parse(content)).to.include({ format: 'homeward-relay-export', version: 1 });
    for (const secret of [...secretKeys(), '"home"', passphrase]) expect(content).not.to.include(secret);
  });

  it('do not replace a file unless told to', async () => {
    const before = readFileSync(lab.relay.file(file), 'utf8');
    expectRefused(await here('export', file), 2, /exists already[\s\S]*--force/);
    expect(readFileSync(lab.relay.file(file), 'utf8')).to.equal(before);
    const forced = await here('export', file, '--force', '--json');
    expectDone(forced);
    expect(JSON.parse(forced.stdout)).to.deep.equal({ file, backends: ['home'], tokens: 1 });
    expect(readFileSync(lab.relay.file(file), 'utf8')).not.to.equal(before);
  });

  it('ask for a passphrase where nobody gave one', async () => {
    const outcome = await homeward(lab.relay, 'controller', ['export', '/run/other']);
    expectRefused(outcome, 2, /--passphrase-file|HOMEWARD_PASSPHRASE/);
    expect(existsSync(lab.relay.file('/run/other'))).to.equal(false);
  });

  it('ask for it twice on a terminal, and do not show it', async () => {
    const typed = '/run/typed';
    const child = spawn(
      'script',
      ['-qec', `${process.execPath} ${program} export ${lab.relay.file(typed)}`, '/dev/null'],
      {
        env: { ...process.env, HOMEWARD_STATE_DIR: lab.relay.file(stateOfController) },
      },
    );
    const running = follow(child, 'controller export on a terminal');
    for (const question of [/Passphrase: /, /Once more: /]) {
      await running.prints(question);
      child.stdin.write('unseen words\r');
    }
    expect(await running.ended, running.stdout()).to.equal(0);
    expect(running.stdout()).not.to.include('unseen');
    const text = readFileSync(lab.relay.file(typed), 'utf8');
    const opened = { input: text, env: { HOMEWARD_PASSPHRASE: 'unseen words', HOMEWARD_STATE_DIR: '/run/opened' } };
    expectDone(await homeward(there, 'controller', ['import', '-'], opened));
  });

  it('do not touch a machine that is a relay already', async () => {
    expectRefused(await here('import', file), 2, /a controller runs on this machine/);
    expect((await controllerStatus(lab.relay)).backends.map(({ state }) => state)).to.deep.equal(['online']);
  });

  it('change nothing for a wrong passphrase or a damaged file', async () => {
    const content = readFileSync(lab.relay.file(file), 'utf8');
    const importing = (input: string, words: string): Promise<Outcome> =>
      homeward(there, 'controller', ['import', '-'], { input, env: { HOMEWARD_PASSPHRASE: words } });
    expectRefused(await importing(content, 'incorrect horse'), 1, /passphrase is wrong, or .* damaged/);
    expectRefused(await importing(content.slice(0, 500), passphrase), 2, /not an export/);
    expectRefused(await importing(content.replace('131072', '1073741824'), passphrase), 2, /damaged: kdf\.N/);
    expectRefused(await homeward(there, 'controller', ['import', '/run/nothing'], { env }), 2, /cannot read/);
    expect(existsSync(there.file(stateOfController))).to.equal(false);
  });

  it('move the relay: its backends come to the new machine, and the proof is green there', async () => {
    const exported = await here('export', '-');
    expectDone(exported);
    expectDone(await here('down'));
    expect(await paired.controller.ended).to.equal(0);
    expectRefused(await here('import', file), 2, /holds a relay already/);

    const imported = await homeward(there, 'controller', ['import', '-', '--json'], { input: exported.stdout, env });
    expectDone(imported);
    const told = { stateDir: stateOfController, publicKey, backends: ['home'], tokens: 1 };
    expect(JSON.parse(imported.stdout)).to.deep.equal(told);
    await startDaemon(there, 'controller', endpoints);
    // Nothing was proven on this machine yet.
    expect((await controllerStatus(there)).backends[0]).to.include({ name: 'home', proof: null });
    await poll('the backend at the new relay', 60_000, async () =>
      (await controllerStatus(there)).backends[0]?.state === 'online' ? true : undefined,
    );
    await poll('a green probe', 15_000, async () => ((await probe(there)).exitCode === 0 ? true : undefined));

    await expectTcpAt(lab, address.relay2, 80, nginx);
  });
});
