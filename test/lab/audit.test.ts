/** What happened at a pairing, with everybody who was refused, stands in both sides' audit logs with the right addresses. */
import { readFileSync, statSync } from 'node:fs';
import type { AuditRecord } from '@homeward/shared/audit/record';
import { generateKeyPair } from '@homeward/shared/session/keys';
import { createToken, formatToken } from '@homeward/shared/session/token';
import { expect } from 'chai';
import { homeward, type Program, start, stateDirectory } from '../support/homeward.js';
import { address, createLab, type Lab } from '../support/lab.js';
import type { LabNode, Outcome } from '../support/lab-node.js';
import { type Paired, pairUp } from '../support/pairing.js';
import { poll } from '../support/poll.js';
import { expectDone } from '../support/tidy.js';

type Entry = Pick<AuditRecord, 'event'> & Partial<AuditRecord>;

describe('audit log', () => {
  let lab: Lab;
  let paired: Paired;

  before(async () => {
    lab = await createLab();
    paired = await pairUp(lab, { forwards: ['80/tcp', '5300/udp'] });
    const { relay, backend, backend2, client } = lab;
    // The token is used up; another relay's token; a forward that the backend's owner does not allow.
    expect((await enroll(backend2, paired.token)).exitCode).to.equal(1);
    const foreign = createToken(generateKeyPair().publicKey, [`ws://${address.relay}:7700`]);
    expect((await enroll(client, formatToken(foreign).reveal(), '--timeout', '2s')).exitCode).to.equal(1);
    expect((await homeward(relay, 'controller', ['forward', 'add', 'home', '2222=22/tcp'])).exitCode).to.equal(1);
    expectDone(await homeward(relay, 'controller', ['rename', 'home', 'attic']));
    expectDone(await homeward(relay, 'controller', ['unpair', 'attic']));
    await logged(relay, 'controller', { event: 'session-ended' });
    await logged(backend, 'agent', { event: 'session-ended' });
  });
  after(() => lab?.close());

  const enroll = (node: LabNode, token: string, ...args: string[]): Promise<Outcome> =>
    homeward(node, 'agent', ['enroll', ...args], { input: `${token}\n` });

  async function entries(node: LabNode, program: Program, ...args: string[]): Promise<AuditRecord[]> {
    const outcome = await homeward(node, program, ['audit', '--json', ...args]);
    expectDone(outcome);
    const document = JSON.parse(outcome.stdout) as { entries: AuditRecord[]; unreadable: number };
    expect(document.unreadable).to.equal(0);
    return document.entries;
  }

  /** The entry that says all of that; waits for it. */
  const logged = (node: LabNode, program: Program, wanted: Entry): Promise<AuditRecord> =>
    poll(`${program}'s audit entry ${JSON.stringify(wanted)}`, 10_000, async () => {
      const all = await entries(node, program);
      const isWanted = (record: AuditRecord) =>
        Object.entries(wanted).every(
          ([name, value]) => JSON.stringify((record as Record<string, unknown>)[name]) === JSON.stringify(value),
        );
      const found = all.find(isWanted);
      if (found === undefined) throw new Error(JSON.stringify(all, null, 1));
      return found;
    });

  it('of the relay tells who came in by which token, from where', async () => {
    const { details: created } = await logged(lab.relay, 'controller', { event: 'token-created', subject: 'home' });
    const about = { subject: 'home', actor: 'agent', address: address.home };
    const { details } = await logged(lab.relay, 'controller', { event: 'enrolled', ...about });
    expect(details['tokenId']).to.equal(created['tokenId']);
    const opened = await logged(lab.relay, 'controller', { event: 'session-opened', ...about });
    expect(opened.details['key']).to.equal(details['key']);
    await logged(lab.relay, 'controller', { event: 'paired', subject: 'home', details: { proven: true } });
    await logged(lab.relay, 'controller', {
      ...{ event: 'forwards-added', subject: 'home', actor: 'local' },
      details: { forwards: ['80/tcp', '5300/udp'], total: 2 },
    });
  });

  it('of the relay tells who was refused, from where, and why', async () => {
    await logged(lab.relay, 'controller', {
      ...{ event: 'enroll-refused', actor: 'stranger', address: address.home, outcome: 'refused' },
      reason: 'the token is used-up',
    });
    const { reason } = await logged(lab.relay, 'controller', {
      ...{ event: 'handshake-refused', actor: 'stranger', address: address.client, outcome: 'refused' },
    });
    expect(reason).to.not.equal(null);
  });

  it('of the relay tells which local process changed something', async () => {
    const renamed = await logged(lab.relay, 'controller', {
      event: 'renamed',
      subject: 'home',
      details: { to: 'attic' },
    });
    expect(renamed).to.include({ actor: 'local', uid: 0 });
    expect(renamed.pid).to.be.above(1);
    await logged(lab.relay, 'controller', { event: 'unpaired', subject: 'attic', actor: 'local' });
    await logged(lab.relay, 'controller', { event: 'session-ended', address: address.home });
    const failed = await logged(lab.relay, 'controller', {
      ...{ event: 'command-failed', subject: 'home', outcome: 'refused', details: { command: 'forward-add' } },
    });
    expect(failed.reason).to.include('SSH');
  });

  it('of the backend tells what the relay did, and what it was refused', async () => {
    const own = (wanted: Entry) => logged(lab.backend, 'agent', wanted);
    const enrolled = await own({ event: 'enrolled', subject: 'home', actor: 'local' });
    const opened = await own({ event: 'session-opened', subject: 'home', actor: 'relay', address: address.relay });
    expect(opened.details['key']).to.equal(enrolled.details['key']);
    await own({ event: 'offer-applied', subject: 'home', actor: 'relay', address: address.relay });
    await own({
      ...{ event: 'forwards-refused', subject: 'home', actor: 'relay', address: address.relay, outcome: 'refused' },
      details: { forwards: ['2222=22/tcp'], total: 1 },
    });
    await own({ event: 'renamed', subject: 'home', actor: 'relay', details: { to: 'attic' } });
    await own({ event: 'unpaired', subject: 'attic', actor: 'relay' });
    await logged(lab.backend2, 'agent', { event: 'enroll-refused', outcome: 'refused', actor: 'local' });
  });

  it('can be read without a daemon, from a time on, and by people', async () => {
    const shown = await homeward(lab.backend2, 'agent', ['audit']);
    expect(shown.stdout).to.match(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ {2}enrollment refused /m);
    expect(await entries(lab.relay, 'controller', '--since', '2099-01-01')).to.deep.equal([]);
    const wrong = await homeward(lab.relay, 'controller', ['audit', '--since', 'yesterday']);
    expect([wrong.exitCode, wrong.stderr]).to.deep.equal([2, wrong.stderr]);
    expect(wrong.stderr).to.include('--since');
  });

  it('is followed while things happen', async () => {
    const following = start(lab.relay, 'controller', ['audit', '--follow', '--json', '--since', '1s']);
    expectDone(await homeward(lab.relay, 'controller', ['token', 'create', 'shed']));
    await poll('the new token in the followed log', 10_000, () =>
      following.stdout().includes('"token-created"') && following.stdout().includes('"shed"') ? true : undefined,
    );
    expect(await following.kill('SIGINT')).to.equal(0);
  });

  it('is for root alone, and holds no secret', () => {
    for (const [node, program] of [
      [lab.relay, 'controller'],
      [lab.backend, 'agent'],
    ] as const) {
      const file = node.file(`${stateDirectory}/${program}/${program}-audit.jsonl`);
      expect(statSync(file).mode & 0o777).to.equal(0o600);
      const text = readFileSync(file, 'utf8');
      const state = readFileSync(node.file(`${stateDirectory}/${program}/${program}.json`), 'utf8');
      const keys = [...state.matchAll(/"([A-Za-z0-9+/]{43}=)"/g)].map(([, key]) => key ?? '');
      expect(keys.length).to.be.above(0);
      expect([paired.token, ...keys].filter((secret) => text.includes(secret))).to.deep.equal([]);
    }
  });
});
