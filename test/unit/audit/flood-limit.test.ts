/** Floods of refusals: told, counted, and never a full disk. */

import { createFloodLimit } from '@homeward/shared/audit/flood-limit';
import { type AuditEntry, recordOf } from '@homeward/shared/audit/record';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { recordedAudit } from './recorded.js';

const refused = (address: string): AuditEntry => ({
  ...{ event: 'handshake-refused', outcome: 'refused', address, reason: 'unknown', details: {} },
});
const ended = (subject: string): AuditEntry => ({
  ...{ event: 'session-ended', subject, address: '198.51.100.7', details: { key: 'k' } },
});

/** A log whose ten minutes are over when the test says so. */
function withTimer() {
  let fire = () => {};
  const audit = recordedAudit({
    after(_, action) {
      fire = action;
      return () => {
        fire = () => {};
      };
    },
    source: (address) => address.replace(/:[^:]*$/, '::/64'),
  });
  return { ...audit, over: () => fire(), strangers: audit.log.by({ actor: 'stranger' }) };
}

describe('audit/flood-limit', () => {
  it('tells the first of one source, and how many more there were', async () => {
    const { strangers, over, records } = withTimer();
    for (let index = 0; index < 122; index += 1) strangers.record(refused('203.0.113.9'));
    expect((await records()).length).to.equal(5);
    over();
    expect((await records()).slice(5)).to.deep.include.members([]);
    const [summary, ...rest] = (await records()).slice(5);
    expect(rest).to.deep.equal([]);
    expect(summary).to.deep.include({
      event: 'handshake-refused',
      address: '203.0.113.9',
      count: 117,
      outcome: 'refused',
    });
  });

  it('bounds what a hundred thousand addresses cost to some thirty lines, none of them uncounted', async () => {
    const { strangers, over, records } = withTimer();
    const flood = 100_000;
    for (let index = 0; index < flood; index += 1) {
      strangers.record(refused(`10.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}`));
    }
    over();
    const all = await records();
    expect(all.length).to.be.below(40);
    expect(all.reduce((sum, { count = 1 }) => sum + count, 0)).to.equal(flood);
  });

  it('takes addresses of one network for one source', async () => {
    const { strangers, over, records } = withTimer();
    for (let index = 0; index < 50; index += 1) strangers.record(refused(`2001:db8:0:1:${index}`));
    over();
    expect((await records()).at(-1)).to.deep.include({ address: '2001:db8:0:1::/64', count: 45 });
  });

  it('does not let strangers keep a known backend from being told, nor one backend another', async () => {
    const { log, strangers, over, records } = withTimer();
    for (let index = 0; index < 500; index += 1) strangers.record(refused(`203.0.113.${index % 250}`));
    const agents = log.by({ actor: 'agent' });
    for (let index = 0; index < 30; index += 1) agents.record(ended('home'));
    agents.record(ended('attic'));
    over();
    const told = (await records()).filter(({ event }) => event === 'session-ended');
    expect(told.map(({ subject, count = 1 }) => `${subject} ${count}`)).to.deep.equal([
      ...Array.from({ length: 5 }, () => 'home 1'),
      'attic 1',
      'home 25',
    ]);
  });

  it('takes a backend that its relay renames without end for one', async () => {
    const { log, over, records } = withTimer();
    const relay = log.by({ actor: 'relay' });
    const renames = 3_000;
    for (let index = 0; index < renames; index += 1) {
      relay.record({ event: 'renamed', subject: `name-${index}`, details: { to: `name-${index + 1}` } });
      relay.record(ended(`name-${index + 1}`));
    }
    over();
    const all = await records();
    expect(all.length).to.equal(12);
    for (const event of ['renamed', 'session-ended']) {
      const told = all.filter((record) => record.event === event);
      expect(told.reduce((sum, { count = 1 }) => sum + count, 0)).to.equal(renames);
    }
  });

  it('bounds what any number of names costs, and leaves none uncounted', async () => {
    const lines: string[] = [];
    const limit = createFloodLimit({
      after: () => () => {},
      now: () => new Date(),
      source: (address) => address,
      write: (record) => lines.push(JSON.stringify(record)),
    });
    const names = 40_000;
    let admitted = 0;
    for (let index = 0; index < names; index += 1) {
      if (limit.admits(recordOf(ended(`name-${index}`), { actor: 'agent' }, new Date()))) admitted += 1;
    }
    limit.flush();
    expect(admitted).to.be.below(names / 2);
    const [summary = '', ...more] = lines;
    expect(more).to.deep.equal([]);
    expect(JSON.parse(summary)).to.include({ event: 'session-ended', subject: null, count: names - admitted });
  });

  it('never counts what is done on this machine', async () => {
    const { log, records } = withTimer();
    const local = log.by({ actor: 'local', uid: 0, pid: 1, loginUid: null });
    for (let index = 0; index < 50; index += 1) local.record({ event: 'down', details: {} });
    expect((await records()).length).to.equal(50);
  });

  it('tells what was counted when the daemon ends', async () => {
    const { log, strangers, records } = withTimer();
    for (let index = 0; index < 9; index += 1) strangers.record(refused('203.0.113.9'));
    await log.close();
    expect((await records()).at(-1)?.count).to.equal(4);
  });

  it('loses and counts what a hanging disk leaves waiting, in bounded memory', async () => {
    let go = () => {};
    const hanging = new Promise<void>((resolve) => {
      go = resolve;
    });
    const lines: string[] = [];
    const { log } = recordedAudit({
      async append(line) {
        await hanging;
        lines.push(line);
      },
    });
    for (let index = 0; index < 5000; index += 1) log.record({ event: 'down', details: {} });
    go();
    await log.written();
    log.record({ event: 'down', details: {} });
    await log.close();
    expect(lines.length).to.be.within(1001, 1003);
    expect(lines.filter((line) => line.includes('"records-lost"')).join()).to.include('"count":4000');
  });
});
