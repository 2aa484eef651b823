/** A backend's name is the only thing that a rename changes: traffic, tunnel and proof stay. */
import { expect } from 'chai';
import { agentStatus, controllerStatus, homeward, probe, start } from '../support/homeward.js';
import { address, createLab, type Lab } from '../support/lab.js';
import type { Outcome } from '../support/lab-node.js';
import { type Paired, pairUp } from '../support/pairing.js';
import { poll } from '../support/poll.js';
import { expectTcp } from '../support/real-client.js';
import { transfer } from '../support/scripts.js';
import { type Service, startBlob, startNginx } from '../support/services.js';
import { expectDone, expectRefused } from '../support/tidy.js';

const transferBytes = 30 * 1024 * 1024;

describe('rename', () => {
  let lab: Lab;
  let paired: Paired;
  let nginx: Service;

  before(async () => {
    lab = await createLab();
    [nginx] = await Promise.all([startNginx(lab.backend, 80), startBlob(lab.backend, 8081)]);
    paired = await pairUp(lab, { forwards: ['80/tcp', '8081/tcp'] });
  });
  after(() => lab?.close());

  const controller = (...args: string[]): Promise<Outcome> => homeward(lab.relay, 'controller', args);
  /** A device that was made anew has another index. */
  const devices = (): Promise<string[]> =>
    Promise.all([lab.relay.must(['ip', 'address', 'show', 'hw0']), lab.backend.must(['ip', 'address', 'show', 'hw1'])]);
  const atRelay = async (): Promise<string[]> =>
    (await controllerStatus(lab.relay)).backends.map(({ name, state }) => `${name} ${state}`);
  const untilAgentKnows = (name: string): Promise<boolean> =>
    poll(`the name ${name} at the backend`, 10_000, async () => {
      expect((await agentStatus(lab.backend)).relays.map((relay) => relay.name)).to.deep.equal([name]);
      return true;
    });

  it('lets traffic go on and changes nothing in the kernel', async () => {
    const before = await devices();
    const moving = transfer(lab.client, 'get', `http://${address.relay}:8081`, transferBytes);
    const outcome = await controller('rename', 'home', 'attic');
    expectDone(outcome);
    expect(outcome.stdout).to.match(/home is now called attic; the backend has been told/);
    const moved = await moving;
    expect(moved).to.include({ bytes: transferBytes, sha256: moved.expected });
    await expectTcp(lab, 80, nginx);
    expect(await devices()).to.deep.equal(before);
    for (const [node, program] of [[lab.relay, 'controller'] as const, [lab.backend, 'agent'] as const]) {
      expect((await homeward(node, program, ['plan', '--json'])).stdout).to.equal('{"changes":[]}');
    }
  });

  it('is known to an online backend at once', async () => {
    expect(await atRelay()).to.deep.equal(['attic online']);
    await untilAgentKnows('attic');
    expect(paired.agent.stderr()).not.to.match(/relay offline/);
  });

  it('keeps what was proven, and can be proven anew and changed under the new name', async () => {
    const { backends } = await controllerStatus(lab.relay);
    expect(backends[0]?.proof?.ok).to.equal(true);
    expect(backends[0]?.forwards.map(({ spec, state }) => `${spec} ${state}`)).to.deep.equal([
      '80/tcp active',
      '8081/tcp active',
    ]);
    const { exitCode, report } = await probe(lab.relay, ['attic']);
    expect(exitCode, JSON.stringify(report)).to.equal(0);
    expect([...new Set(report.results.map(({ backend }) => backend))]).to.deep.equal(['attic']);
    expectDone(await controller('forward', 'add', 'attic', '8080=80/tcp'));
    await expectTcp(lab, 8080, nginx);
  });

  it('is refused for a name that is taken, is none, or is nobody', async () => {
    expectDone(await controller('token', 'create', 'spare'));
    expectRefused(await controller('rename', 'attic', 'spare'), 2, /"spare" already/);
    expectRefused(await controller('rename', 'attic', 'No Name'), 2, /not a backend name/);
    expectRefused(await controller('rename', 'home', 'cellar'), 2, /no backend named "home"/);
    expect(await atRelay()).to.deep.equal(['attic online', 'spare waiting']);
  });

  it('to the same name is no change', async () => {
    const outcome = await controller('rename', 'attic', 'attic', '--json');
    expectDone(outcome);
    expect(JSON.parse(outcome.stdout)).to.deep.equal({
      backend: 'attic',
      previous: 'attic',
      changed: false,
      state: 'online',
    });
  });

  it('takes a token that waits for the old name along', async () => {
    const { stdout } = await controller('token', 'create', 'spare', '--json');
    expectDone(await controller('rename', 'spare', 'depot'));
    const { token } = JSON.parse(stdout) as { token: string };
    const enrolled = await homeward(lab.client, 'agent', ['enroll', '--json'], { input: token });
    expectDone(enrolled);
    expect(JSON.parse(enrolled.stdout)).to.include({ name: 'depot' });
    expectDone(await controller('unpair', 'depot'));
  });

  it('is heard by an offline backend when it next connects', async () => {
    await paired.agent.kill();
    await poll('the backend to be offline', 10_000, async () =>
      (await atRelay()).join() === 'attic offline' ? true : undefined,
    );
    expect((await controller('rename', 'attic', 'cellar')).stdout).to.match(/offline/);
    start(lab.backend, 'agent', ['run']);
    await untilAgentKnows('cellar');
    expect(await atRelay()).to.deep.equal(['cellar online']);
    await poll('a green probe', 15_000, async () => ((await probe(lab.relay)).exitCode === 0 ? true : undefined));
  });

  it('does not keep a backend from being unpaired', async () => {
    const outcome = await controller('unpair', 'cellar', '--json');
    expectDone(outcome);
    expect(JSON.parse(outcome.stdout)).to.include({ wasEnrolled: true, cleaned: true });
  });
});
