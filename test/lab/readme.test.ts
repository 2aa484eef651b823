/** README's commands for real machines, typed to the letter on two fresh machines, lead to the proof. */
import { existsSync } from 'node:fs';
import { expect } from 'chai';
import { freshen, onTerminal, type Terminal } from '../support/fresh-machine.js';
import { createLab, type Lab } from '../support/lab.js';
import { readmeSteps, type Step, understand } from '../support/readme.js';
import { expectTcp } from '../support/real-client.js';
import { startNginx } from '../support/services.js';

describe('README', () => {
  let lab: Lab;

  before(async () => {
    lab = await createLab();
    await Promise.all([freshen(lab.relay), freshen(lab.backend)]);
  });
  after(() => lab?.close());

  it('has the steps that its test knows', () => {
    const kinds = readmeSteps().map((step) => (step.kind === 'prepared' ? step.what : step.kind));
    expect(kinds).to.deep.equal([
      ...['packages', 'sources', 'build', 'install', 'install'],
      ...['daemon', 'pair', 'enroll', 'daemon'],
    ]);
  });

  it('is not half understood: a command that changes fails its test', () => {
    for (const line of [
      'controller serve --listen 7701',
      'agent install',
      'curl https://example.org/install.sh | sh',
    ]) {
      expect(() => understand(line)).to.throw(/README has a command/);
    }
  });

  it('begins with machines that have nothing of homeward but its sources', async () => {
    for (const node of [lab.relay, lab.backend]) {
      for (const place of ['/var/lib/homeward', '/etc/homeward/agent-policy.json', '/usr/local/bin/controller']) {
        expect(existsSync(node.file(place)), `${place} at ${node.name}`).to.equal(false);
      }
      expect(existsSync(node.file('/opt/homeward/packages/controller/bin/controller.js'))).to.equal(true);
    }
  });

  it('leads to the proof, and to a service that sees the client', async () => {
    const nginx = await startNginx(lab.backend, 80);
    const terminals = new Map<Step['kind'], Terminal>();
    for (const step of readmeSteps()) {
      if (step.kind === 'prepared') continue;
      const terminal = onTerminal(lab[step.at], step.line);
      terminals.set(step.kind, terminal);
      await follow(step.kind, terminal, terminals);
    }
    const pair = terminals.get('pair');
    expect(await pair?.ended, pair?.screen()).to.equal(0);
    expect(pair?.screen()).to.match(/real IP proven/);
    for (const forward of ['443/tcp', '53/tcp', '53/udp', '8080/tcp']) {
      expect(pair?.screen()).to.match(new RegExp(` ${forward} .* ok$`, 'm'));
    }
    await expectTcp(lab, 8080, nginx);
  });
});

/** Waits until a person would go on to the next line. */
const follow = async (
  kind: Step['kind'],
  terminal: Terminal,
  terminals: ReadonlyMap<Step['kind'], Terminal>,
): Promise<void> => {
  switch (kind) {
    case 'daemon':
      await terminal.prints(/is (serving|running)/);
      return;
    case 'pair':
      await terminal.prints(/Waiting for/);
      return;
    case 'enroll':
      await terminal.prints(/Paste the token/);
      terminal.type(
        `${
          terminals
            .get('pair')
            ?.screen()
            .match(/^hw1_\S+$/m)?.[0]
        }\n`,
      );
      expect(await terminal.ended, terminal.screen()).to.equal(0);
      return;
    default:
      expect(await terminal.ended, terminal.screen()).to.equal(0);
  }
};
