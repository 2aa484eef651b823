/** A line of the audit log: harmless whatever others call themselves, and the same again when it is read. */

import { describeRecord, formatRecord, parseRecord, recordOf } from '@homeward/shared/audit/record';
import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';

const NOW = new Date('2026-01-31T12:00:00.123Z');
const unpaired = (subject: string, reason: string) =>
  recordOf({ event: 'unpaired', subject, reason, outcome: 'failed', details: {} }, { actor: 'agent' }, NOW);

describe('audit/record', () => {
  it('is one line of JSON without anything that steers a terminal, and means the same when read', () => {
    const text = fc.string({ unit: 'binary', maxLength: 40 });
    fc.assert(
      fc.property(text, text, (subject, reason) => {
        const record = unpaired(subject, reason);
        const line = formatRecord(record);
        expect(line).to.match(/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]*$/u);
        expect(parseRecord(line)).to.deep.equal(record);
        expect(describeRecord(record)).to.match(/^[^\p{Cf}\p{Zl}\p{Zp}]*$/u);
      }),
    );
  });

  it('escapes colours, C1 controls and reversed text', () => {
    const line = formatRecord(unpaired('\u001b[31m\u009b\u202e\u2028\u{e0001}', 'x'));
    expect(line).to.include('\\u001b[31m\\u009b\\u202e\\u2028\\udb40\\udc01');
  });

  it('keeps no token that was given in the place of a name', () => {
    const token = `hw1_${'Ab-_'.repeat(30)}`;
    const line = formatRecord(unpaired(token, `there is no token "${token}"`));
    expect(line).to.not.include('Ab-_');
    expect(line).to.include('[redacted]');
  });

  it('cuts what would make a line of megabytes', () => {
    expect(formatRecord(unpaired('x'.repeat(1e6), 'y'.repeat(1e6))).length).to.be.below(1500);
  });

  it('reads well', () => {
    const enrolled = recordOf(
      {
        ...{ event: 'enrolled', subject: 'home', address: '203.0.113.9' },
        details: { tokenId: 'Ab12', key: '1111-2222-3333-4444' },
      },
      { actor: 'agent' },
      NOW,
    );
    expect(describeRecord(enrolled)).to.equal(
      '2026-01-31T12:00:00Z  enrolled home (tokenId Ab12, key 1111-2222-3333-4444) by an agent from 203.0.113.9',
    );
    const caller = { actor: 'local', uid: 0, pid: 412, loginUid: 1000 } as const;
    const added = recordOf(
      { event: 'forwards-added', subject: 'home', details: { forwards: ['80/tcp', '53/udp'], total: 2 } },
      caller,
      NOW,
    );
    expect(describeRecord(added)).to.equal(
      '2026-01-31T12:00:00Z  forwards added home (forwards 80/tcp 53/udp, total 2) by uid 0, logged in as 1000, pid 412',
    );
    const flood = {
      ...recordOf(
        { event: 'handshake-refused', outcome: 'refused', address: '203.0.113.9', details: {} },
        { actor: 'stranger' },
        NOW,
      ),
      count: 117,
    };
    expect(describeRecord(flood)).to.equal(
      '2026-01-31T12:00:00Z  handshake refused 117 more times by a stranger from 203.0.113.9',
    );
  });

  it('of a newer version is shown as it is', () => {
    const line = JSON.stringify({ ...unpaired('home', 'x'), event: 'constructor', more: 1 });
    const record = parseRecord(line);
    expect(record === null ? '' : describeRecord(record)).to.include('constructor home');
  });
});
