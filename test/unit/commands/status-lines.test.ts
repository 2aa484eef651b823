/** `status` of both sides as people read it. */

import { statusLines as agentLines } from '@homeward/agent/commands/status-lines';
import { ratesBetween, type StatusDocument } from '@homeward/controller/commands/status-document';
import { statusLines } from '@homeward/controller/commands/status-lines';
import { expect } from 'chai';
import { describe, it } from 'mocha';

const plain = (_: string, text: string) => text;

type Forward = StatusDocument['backends'][number]['forwards'][number];

const forward = (spec: string, more: Partial<Forward> = {}): Forward => ({
  ...{ spec, state: 'active', reason: null, bytesIn: 0, bytesOut: 0, without: [] },
  ...more,
});

function document(...backends: readonly (readonly Forward[])[]): StatusDocument {
  return {
    relay: {
      ...{ endpoints: ['ws://198.51.100.1:7700'], publicKey: 'A'.repeat(43).concat('=') },
      ...{ version: '0', repair: true, contest: null, auditProblem: null },
    },
    backends: backends.map((forwards, index) => ({
      name: index === 0 ? 'home' : `b${index}`,
      state: 'online',
      fingerprint: '1111-2222-3333-4444',
      tunnel: null,
      forwards: [...forwards],
      proof: { ok: true, at: '2026-01-01T00:00:00Z' },
      unconfirmed: null,
    })),
  };
}

/** Columns of the rows that show forwards. */
const rows = (lines: readonly string[]): string[][] =>
  lines.filter((line) => /^ {2}\S*\/(tcp|udp)/.test(line)).map((line) => line.trim().split(/ {2,}/));

describe('controller status', () => {
  it('says what comes back when a change is not confirmed', () => {
    const shown = document([]);
    const unconfirmed = { from: 'wireguard', to: 'gre', confirmSeconds: 30 };
    const backends = shown.backends.map((backend) => ({ ...backend, unconfirmed }));
    expect(statusLines({ ...shown, backends }, plain, null)).to.include(
      '  change  the gre tunnel waits to be confirmed; if it is not within 30 s, wireguard comes back',
    );
    expect(statusLines(shown, plain, null).join()).not.to.include('change');
  });

  it('shows bytes in units for people', () => {
    const lines = statusLines(document([forward('443/tcp', { bytesIn: 1536, bytesOut: 12 })]), plain, null);
    expect(rows(lines)).to.deep.equal([['443/tcp', 'active', '1.5 KiB', '12 B']]);
  });

  it('shows what failed first, then what is pending', () => {
    const forwards = [
      forward('1/tcp'),
      forward('2/tcp', { state: 'pending' }),
      forward('3/tcp', { state: 'failed', reason: 'not allowed' }),
      forward('4/tcp'),
    ];
    expect(rows(statusLines(document(forwards), plain, null)).map(([spec]) => spec)).to.deep.equal([
      '3/tcp',
      '2/tcp',
      '1/tcp',
      '4/tcp',
    ]);
  });

  it('shows some dozens of ten thousand forwards, the failed ones among them, and how to see the rest', () => {
    const forwards = Array.from({ length: 10_000 }, (_, index) => forward(`${index + 1}/tcp`));
    forwards.push(forward('10001/udp', { state: 'failed', reason: 'taken' }));
    const lines = statusLines(document(forwards), plain, null);
    expect(lines.length).to.be.below(60);
    expect(rows(lines)[0]).to.deep.equal(['10001/udp', 'failed', '0 B', '0 B', 'taken']);
    expect(lines.at(-1)).to.equal('  … and 9953 more (controller status home --json, controller forward list home)');
  });

  it('stays short with many backends, each with some of its forwards', () => {
    const many = Array.from({ length: 30 }, (_, index) => forward(`${index + 1}/tcp`));
    const lines = statusLines(document(...Array.from({ length: 20 }, () => many)), plain, null);
    expect(rows(lines)).to.have.length(20 * 4);
    expect(lines.filter((line) => line.includes('… and 26 more'))).to.have.length(20);
  });

  it('does not hide a single forward behind a line that says so', () => {
    const forwards = Array.from({ length: 49 }, (_, index) => forward(`${index + 1}/tcp`));
    expect(rows(statusLines(document(forwards), plain, null))).to.have.length(49);
  });
});

describe('controller status --watch', () => {
  const look = (clockMs: number, forwards: Forward[]) => ({ document: document(forwards), at: new Date(), clockMs });

  it('shows how fast bytes move', () => {
    const before = look(1_000, [forward('443/tcp', { bytesIn: 1_000, bytesOut: 0 })]);
    const now = look(3_000, [forward('443/tcp', { bytesIn: 1_000 + 4 * 1024, bytesOut: 100 })]);
    const lines = statusLines(now.document, plain, ratesBetween(before, now));
    expect(rows(lines)).to.deep.equal([['443/tcp', 'active', '5.0 KiB', '100 B', '2.0 KiB/s', '50 B/s']]);
  });

  it('shows no rate for a new forward, at the first look, and when the counters began anew', () => {
    const before = look(1_000, [forward('1/tcp', { bytesIn: 500 })]);
    const now = look(2_000, [forward('1/tcp', { bytesIn: 20 }), forward('2/tcp', { bytesIn: 7 })]);
    const lines = statusLines(now.document, plain, ratesBetween(before, now));
    expect(rows(lines).map((cells) => cells.slice(4))).to.deep.equal([
      ['-', '0 B/s'],
      ['-', '-'],
    ]);
    expect(rows(statusLines(now.document, plain, ratesBetween(now, now)))[0]?.slice(4)).to.deep.equal(['-', '-']);
  });
});

describe('agent status', () => {
  it('shows some of very many forwards', () => {
    const lines = agentLines(
      {
        repair: true,
        contest: null,
        auditProblem: null,
        relays: [
          {
            ...{ name: 'home', slot: 1, state: 'online', endpoint: 'ws://198.51.100.1:7700', tunnel: null },
            forwards: Array.from({ length: 10_000 }, (_, index) => `${index + 1}/tcp`),
            refused: [{ spec: '22/tcp', reason: 'not allowed' }],
            unconfirmed: null,
          },
        ],
      },
      plain,
    );
    expect(lines).to.have.length(3);
    expect(lines[1]).to.match(/^ {2}forwards {2}1\/tcp, 2\/tcp, .* 24\/tcp, … and 9976 more \(agent status --json\)$/);
    expect(lines[2]).to.equal('  refused   22/tcp: not allowed');
  });

  it('names who undoes what is mended', () => {
    const contest = { line: '+ rule pref 5100 nop', by: 'nft, process 7' };
    const lines = agentLines({ repair: true, contest, auditProblem: null, relays: [] }, plain);
    expect(lines[0]).to.include('again and again what homeward mends: + rule pref 5100 nop');
    expect(lines[1]).to.include('last by nft, process 7');
    const { relay, backends } = document();
    expect(
      statusLines({ relay: { ...relay, contest: { ...contest, by: null } }, backends }, plain, null)[2],
    ).to.include('the kernel does not tell who');
  });
});
