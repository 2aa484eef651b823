/** The audit log's files: rotated, shared by processes, torn by crashes, on a disk that is full. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, mkdir, open, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { appendLine, auditPath, rotatedFiles } from '@homeward/shared/audit/audit-file';
import { createAuditLog } from '@homeward/shared/audit/audit-log';
import { readAudit } from '@homeward/shared/audit/read-audit';
import { formatRecord, recordOf } from '@homeward/shared/audit/record';
import { expect } from 'chai';
import { beforeEach, describe, it } from 'mocha';
import { temporaryDirectory } from '../host/temporary.js';

const lineOf = (subject: string) =>
  formatRecord(recordOf({ event: 'unpaired', subject, details: {} }, { actor: 'daemon' }, new Date()));

describe('audit/audit-file', () => {
  const place = temporaryDirectory();
  let path: string;
  beforeEach(() => {
    path = auditPath(place(), 'controller');
  });

  const append = (subject: string, limits = { maxBytes: 1000, files: 3 }) => appendLine(path, lineOf(subject), limits);
  async function subjects(): Promise<(string | null)[]> {
    const found: (string | null)[] = [];
    for await (const record of readAudit(path, { since: null, follow: null })) found.push(record?.subject ?? null);
    return found;
  }
  const numbers = (first: number, last: number) =>
    Array.from({ length: last - first + 1 }, (_, index) => `backend-${first + index}`);

  it('is for its owner alone', async () => {
    await append('home');
    expect((await stat(path)).mode & 0o777).to.equal(0o600);
  });

  it('is rotated by size, keeps the newest files and loses no line of theirs', async () => {
    for (const name of numbers(1, 40)) await append(name);
    const names = await readdir(place());
    expect(names.length).to.equal(3);
    for (const name of names) expect((await stat(place(name))).size).to.be.at.most(1000);
    const read = await subjects();
    expect(read.length).to.be.within(12, 20);
    expect(read).to.deep.equal(numbers(41 - read.length, 40));
  });

  it('takes a line that is longer than a whole file', async () => {
    await append('home');
    await append('x'.repeat(500), { maxBytes: 100, files: 3 });
    expect((await subjects()).map((one) => one?.length)).to.deep.equal([4, 500]);
  });

  it('is appended to by several processes at once, which rotate it under each other', async () => {
    const program = `
      import { appendLine } from '@homeward/shared/audit/audit-file';
      for (let index = 0; index < 60; index += 1) {
        const line = JSON.stringify({ time: '', event: 'unpaired', subject: process.argv[1] + '-' + index, actor: 'daemon',
          address: null, outcome: 'ok', reason: null, details: {} });
        await appendLine(${JSON.stringify(path)}, line, { maxBytes: 3000, files: 1000 });
      }`;
    const writers = ['a', 'b', 'c'].map((name) =>
      spawn(process.execPath, ['--input-type=module', '--eval', program, name], {
        cwd: import.meta.dirname,
        stdio: 'inherit',
      }),
    );
    const codes = await Promise.all(writers.map(async (writer) => (await once(writer, 'exit'))[0]));
    expect(codes).to.deep.equal([0, 0, 0]);
    const expected = ['a', 'b', 'c'].flatMap((name) => Array.from({ length: 60 }, (_, index) => `${name}-${index}`));
    expect((await subjects()).sort()).to.deep.equal(expected.sort());
    expect((await rotatedFiles(path)).length).to.be.above(3);
  });

  it('goes on after a torn line, which is told apart', async () => {
    await append('home');
    await appendFile(path, lineOf('torn').slice(0, 50));
    expect(await subjects()).to.deep.equal(['home', null]);
    await append('attic');
    expect(await subjects()).to.deep.equal(['home', null, 'attic']);
  });

  it('takes what is not of this program for no entry, and never as a reason to fail', async () => {
    await writeFile(path, Buffer.concat([Buffer.from([0xff, 0, 0x0a]), Buffer.from('[]\n{"time":7}\n\n')]));
    await append('home');
    expect(await subjects()).to.deep.equal([null, null, null, 'home']);
  });

  it('does not follow a link that lies in its place', async () => {
    await symlink(place('elsewhere'), path);
    expect(await append('home').catch((error: NodeJS.ErrnoException) => error.code)).to.equal('ELOOP');
    expect(await readdir(place())).to.deep.equal(['controller-audit.jsonl']);
  });

  it('that cannot be written costs its entries and nothing else, and says so when it can be again', async () => {
    await mkdir(path);
    const told: (string | null)[] = [];
    const log = createAuditLog(path, { onProblem: (reason) => told.push(reason) });
    log.record({ event: 'unpaired', subject: 'lost', details: {} });
    log.record({ event: 'unpaired', subject: 'lost as well', details: {} });
    await log.written();
    expect([log.problem(), told]).to.deep.equal(['illegal operation on a directory', [log.problem()]]);
    path = auditPath(place('elsewhere'), 'controller');
    await mkdir(place('elsewhere'));
    expect(await subjects()).to.deep.equal([]);
  });

  it('tells how many entries a full disk has cost', async () => {
    const lines: string[] = [];
    let isFull = true;
    const told: (string | null)[] = [];
    const { auditLogTo } = await import('@homeward/shared/audit/audit-log');
    const log = auditLogTo({
      async append(line) {
        // As the kernel says it: /dev/full is a disk without room.
        if (isFull) {
          const full = await open('/dev/full', 'a');
          await full.appendFile(line).finally(() => full.close());
        }
        lines.push(line);
      },
      onProblem: (reason) => told.push(reason),
    });
    for (const subject of numbers(1, 3)) log.record({ event: 'unpaired', subject, details: {} });
    await log.written();
    expect(log.problem()).to.equal('no space left on device');
    isFull = false;
    log.record({ event: 'unpaired', subject: 'home', details: {} });
    await log.close();
    expect(told).to.deep.equal(['no space left on device', null]);
    const [lost, home] = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lost).to.deep.include({ event: 'records-lost', outcome: 'failed', details: { count: 3 } });
    expect(home).to.deep.include({ subject: 'home' });
  });

  it('is followed over a rotation', async () => {
    await append('first');
    const end = new AbortController();
    const seen: (string | null | undefined)[] = [];
    for await (const record of readAudit(path, { since: null, follow: end.signal })) {
      seen.push(record?.subject);
      if (seen.length === 1) for (const name of numbers(1, 12)) await append(name);
      if (seen.length === 13) end.abort();
    }
    expect(seen).to.deep.equal(['first', ...numbers(1, 12)]);
    expect((await rotatedFiles(path)).length).to.be.above(0);
  });

  it('is read from a time on', async () => {
    const at = (time: string) =>
      appendFile(
        path,
        `${formatRecord({ ...recordOf({ event: 'down', details: {} }, { actor: 'daemon' }, new Date(time)) })}\n`,
      );
    await at('2026-01-01T00:00:00Z');
    await at('2026-01-02T00:00:00Z');
    const found: string[] = [];
    for await (const record of readAudit(path, { since: new Date('2026-01-01T12:00:00Z'), follow: null })) {
      found.push(record?.time ?? '');
    }
    expect(found).to.deep.equal(['2026-01-02T00:00:00.000Z']);
    expect((await readFile(path, 'utf8')).split('\n').length).to.equal(3);
  });
});
