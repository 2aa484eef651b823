/** Tokens apart from `pair`: one backend, or several with a name each, and nobody who should not come in. */
import { expect } from 'chai';
import { controllerStatus, homeward, start, startDaemon } from '../support/homeward.js';
import { address, createLab, type Lab } from '../support/lab.js';
import type { LabNode, Outcome } from '../support/lab-node.js';
import { poll } from '../support/poll.js';
import { expectTcp } from '../support/real-client.js';
import { startNginx } from '../support/services.js';
import { expectDone, expectRefused } from '../support/tidy.js';

interface Issued {
  readonly id: string;
  readonly token: string;
  readonly name: string | null;
  readonly namePrefix: string | null;
  readonly uses: number;
  readonly expiresAt: string;
  readonly urls: string[];
}

interface Listed {
  readonly tokens: {
    readonly id: string;
    readonly state: string;
    readonly uses: number;
    readonly usesLeft: number;
    readonly usedBy: { readonly name: string; readonly at: string; readonly from: string }[];
  }[];
}

describe('tokens', () => {
  let lab: Lab;

  beforeEach(async () => {
    lab = await createLab();
    await startDaemon(lab.relay, 'controller');
  });
  afterEach(() => lab?.close());

  const controller = (...args: string[]): Promise<Outcome> => homeward(lab.relay, 'controller', args);
  const enroll = (node: LabNode, token: string): Promise<Outcome> =>
    homeward(node, 'agent', ['enroll', '--json'], { input: `${token}\n` });

  const create = async (...args: string[]): Promise<Issued> => {
    const outcome = await controller('token', 'create', ...args, '--json');
    expectDone(outcome);
    return JSON.parse(outcome.stdout) as Issued;
  };
  const list = async (): Promise<Listed['tokens']> =>
    (JSON.parse((await controller('token', 'list', '--json')).stdout) as Listed).tokens;
  const states = async (): Promise<Record<string, string>> =>
    Object.fromEntries((await controllerStatus(lab.relay)).backends.map(({ name, state }) => [name, state]));
  const untilStates = (wanted: Record<string, string>): Promise<boolean> =>
    poll(`the backends ${JSON.stringify(wanted)}`, 15_000, async () => {
      expect(await states()).to.deep.equal(wanted);
      return true;
    });

  it('of two agents that race for one, exactly one comes in', async () => {
    const { token, name, uses, urls } = await create('nas');
    expect({ name, uses }).to.deep.equal({ name: 'nas', uses: 1 });
    expect(urls).to.include(`ws://${address.relay}:7700`);
    expect(await states()).to.deep.equal({ nas: 'waiting' });
    const outcomes = await Promise.all([enroll(lab.backend2, token), enroll(lab.backend, token)]);
    const [winner, loser] = [...outcomes].sort((a, b) => a.exitCode - b.exitCode);
    expect([winner?.exitCode, loser?.exitCode]).to.deep.equal([0, 1]);
    expect(loser?.stderr).to.match(/refused the token/);
    const { backends } = await controllerStatus(lab.relay);
    expect(backends.map(({ fingerprint }) => fingerprint)).to.deep.equal([
      JSON.parse(winner?.stdout ?? '{}').fingerprint,
    ]);
  });

  it('with a prefix give three machines a name each, and a fourth none', async () => {
    const nginx = await startNginx(lab.backend, 80);
    const { token } = await create('--name-prefix', 'web', '--uses', '3', '--expires', '7d');
    const machines = [lab.backend, lab.client, lab.backend2];
    const outcomes = await Promise.all(machines.map((node) => enroll(node, token)));
    for (const outcome of outcomes) expectDone(outcome);
    const names = outcomes.map(({ stdout }) => (JSON.parse(stdout) as { name: string }).name);
    expect(names).to.have.members(['web-1', 'web-2', 'web-3']);
    const fourth = await enroll(lab.internet, token);
    expect(fourth.exitCode).to.equal(1);

    for (const node of machines) start(node, 'agent', ['run']);
    await untilStates({ 'web-1': 'online', 'web-2': 'online', 'web-3': 'online' });
    expectDone(await controller('forward', 'add', names[0] ?? '', '80/tcp'));
    await expectTcp(lab, 80, nginx);
    // Online, but perhaps still setting up its side.
    await poll('a green probe of all three', 15_000, async () => {
      expectDone(await controller('probe'));
      return true;
    });

    const [listed] = await list();
    expect(listed).to.include({ state: 'used-up', uses: 3, usesLeft: 0 });
    const users = listed?.usedBy.map(({ name, from }) => ({ name, from }));
    // Behind the NAT a backend is seen by its home's address.
    expect(users).to.have.deep.members([
      { name: names[0], from: address.home },
      { name: names[1], from: address.client },
      { name: names[2], from: address.home },
    ]);
  });

  it('in the environment of an image enroll it, and do not bring it back once it is unpaired', async () => {
    const { token } = await create('--name-prefix', 'web', '--uses', '5');
    const env = { HOMEWARD_TOKEN: token };
    const agent = start(lab.backend, 'agent', ['run'], { env });
    await untilStates({ 'web-1': 'online' });
    expectDone(await controller('unpair', 'web-1'));
    const again = await enroll(lab.backend, token);
    expect(again.exitCode, again.stderr).to.equal(1);
    await agent.kill();
    expectRefused(await homeward(lab.backend, 'agent', ['run'], { env }), 2, /ended its pairing/);
    expect(await states()).to.deep.equal({});

    const named = await create('web-1');
    expectDone(await enroll(lab.backend, named.token));
    start(lab.backend, 'agent', ['run']);
    await untilStates({ 'web-1': 'online' });
  });

  it('are revoked by the beginning of their id; who came before stays', async () => {
    const { id, token } = await create('--name-prefix', 'web', '--uses', '2');
    expectDone(await enroll(lab.backend, token));
    start(lab.backend, 'agent', ['run']);
    await untilStates({ 'web-1': 'online' });
    const revoked = await controller('token', 'revoke', id.slice(0, 6));
    expectDone(revoked);
    expect(revoked.stdout)
      .to.match(/revoked/)
      .and.to.match(/still paired.*web-1/);
    expect((await enroll(lab.client, token)).exitCode).to.equal(1);
    expect(await states()).to.deep.equal({ 'web-1': 'online' });
    expect((await list()).map(({ state }) => state)).to.deep.equal(['revoked']);
    expectRefused(await controller('token', 'revoke', 'nothing-like-it'), 2, new RegExp(`${id} \\(web-\\*\\)`));
  });

  it('are shown once and never again', async () => {
    const { id, token } = await create('home');
    const listings = [await controller('token', 'list', '--json'), await controller('token', 'list')];
    for (const { stdout } of listings) {
      expect(stdout).to.include(id).and.to.include('home');
      // Past version and id, which everybody may know, the secret begins.
      expect(stdout).not.to.include(token.slice(20, 40));
    }
    const told = await controller('token', 'create', 'nas');
    expect(told.stdout.match(/hw1_/g)).to.have.length(1);
    expect(told.stdout)
      .to.match(/agent enroll/)
      .and.to.match(/works once, until \d{4}-/);
  });

  it('for one backend void each other, and are refused for one that is paired', async () => {
    const [first, second] = [await create('home'), await create('home')];
    expect((await enroll(lab.backend, first.token)).exitCode).to.equal(1);
    expectDone(await enroll(lab.backend, second.token));
    // The same key may ask again: its answer could have been lost.
    expectRefused(await controller('token', 'create', 'home'), 2, /paired already[\s\S]*controller unpair home/);
  });

  it('are not made from bad input, and nothing is awaited then', async () => {
    expectRefused(await controller('token', 'create'), 2, /name or a prefix/);
    expectRefused(await controller('token', 'create', 'home', '--uses', '3'), 2, /--name-prefix home --uses 3/);
    expectRefused(await controller('token', 'create', 'home', '--name-prefix', 'web'), 2, /not both/);
    expectRefused(await controller('token', 'create', '--name-prefix', 'Web-'), 2, /prefix/);
    expectRefused(await controller('token', 'create', 'home', '--uses', 'many'), 2, /many/);
    expectRefused(await controller('token', 'create', 'home', '--expires', 'soon'), 2, /soon/);
    expect([await states(), await list()]).to.deep.equal([{}, []]);
  });
});
