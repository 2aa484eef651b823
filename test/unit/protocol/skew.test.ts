/** Versions that meet: what each released one said is understood, and what a newer one adds is passed over or refused plainly. */

import { readdirSync, readFileSync } from 'node:fs';
import { RelayError } from '@homeward/shared/errors/relay-error';
import { decodeMessage, encodeMessage } from '@homeward/shared/protocol/codec';
import {
  type AgentMessage,
  type ControllerMessage,
  parseAgentMessage,
  parseControllerMessage,
} from '@homeward/shared/protocol/messages';
import { expect } from 'chai';
import { describe, it } from 'mocha';

/** A folder for each released version, a file for each kind of message; never changed, only added to. */
const recorded = new URL('../../../unit/protocol/recorded/', import.meta.url);

const parsers = { controller: parseControllerMessage, agent: parseAgentMessage } as const;

interface Recording {
  readonly title: string;
  readonly from: keyof typeof parsers;
  readonly message: { readonly type: string };
}

const recordings = readdirSync(recorded).flatMap((version) =>
  readdirSync(new URL(`${version}/`, recorded)).map((name): Recording => {
    const from = name.startsWith('agent-') ? 'agent' : 'controller';
    const message = JSON.parse(readFileSync(new URL(`${version}/${name}`, recorded), 'utf8'));
    return { title: `${version}: ${name.replace(/\.json$/, '')}`, from, message };
  }),
);

/** The kinds there are, by who says them. */
const kinds: Record<keyof typeof parsers, readonly string[]> = {
  controller: [
    'welcome',
    'refused',
    'offer',
    'observe',
    'renew',
    'unpair',
    'ping',
  ] satisfies ControllerMessage['type'][],
  agent: ['enroll', 'hello', 'applied', 'observed', 'report', 'leave', 'pong'] satisfies AgentMessage['type'][],
};

const refusal = (action: () => unknown): RelayError => {
  try {
    action();
  } catch (error) {
    if (error instanceof RelayError) return error;
    throw error;
  }
  throw new Error('it was not refused');
};

describe('protocol: versions', () => {
  for (const { title, from, message } of recordings) {
    it(`understands ${title}, and says it the same way`, () => {
      const bytes = Buffer.from(JSON.stringify(message));
      const understood = parsers[from](decodeMessage(bytes));
      expect(understood).to.deep.equal(message);
      expect(decodeMessage(encodeMessage(understood))).to.deep.equal(message);
    });
  }

  it('has a recording of every kind, from either side', () => {
    for (const [from, types] of Object.entries(kinds)) {
      const found = new Set(recordings.filter((one) => one.from === from).map(({ message }) => message.type));
      expect([...found].sort()).to.deep.equal([...types].sort());
    }
  });

  const { hello, welcome } = Object.fromEntries(recordings.map(({ message }) => [message.type, message]));

  it('passes over what a newer peer says more of itself when it begins', () => {
    expect(parseAgentMessage({ ...hello, cpu: 'riscv', more: { of: ['it'] } })).to.deep.equal(hello);
    expect(parseControllerMessage({ ...welcome, motto: 'faster', revision: 9 })).to.deep.equal(welcome);
  });

  it('refuses every other field and kind that it does not know, saying which side to upgrade', () => {
    const known = recordings.filter(({ message }) => !['hello', 'welcome'].includes(message.type));
    for (const { from, message } of known) {
      for (const newer of [
        { ...message, more: 1 },
        { ...message, type: `${message.type}-2` },
      ]) {
        const { code, message: says } = refusal(() => parsers[from](newer));
        expect(code).to.equal('protocol');
        const [here, peer] = from === 'agent' ? ['relay', 'backend'] : ['backend', 'relay'];
        expect(says).to.match(new RegExp(`^the ${peer} sent a message .*; upgrade this ${here}, or the ${peer} if`));
      }
    }
  });
});
