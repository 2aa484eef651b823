/** Whatever is typed wrongly, the first line says what is wrong, the last one what to type instead, and nothing changes. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import { homeward, startDaemon } from '../support/homeward.js';
import { createLab, type Lab } from '../support/lab.js';
import type { Outcome } from '../support/lab-node.js';
import { pairUp } from '../support/pairing.js';
import { startListener } from '../support/services.js';
import { type Snapshot, snapshot } from '../support/snapshot.js';
import { expectUnchanged } from '../support/tidy.js';
import {
  alone,
  besideController,
  besidePairing,
  type WrongInput,
  withToken,
  wrongFiles,
} from '../support/wrong-inputs.js';

const matches = (line: string, expected: string | RegExp): void => {
  if (typeof expected === 'string') expect(line).to.equal(expected);
  else expect(line).to.match(expected);
};

const expectTold = ({ program, exitCode, says, hint }: WrongInput, outcome: Outcome): void => {
  const told = `stdout: ${outcome.stdout}\nstderr: ${outcome.stderr}`;
  expect(outcome.exitCode, told).to.equal(exitCode);
  const lines = outcome.stderr.split('\n').filter((line) => line !== '');
  expect(lines.length, told).to.be.within(1, 3);
  const [first = ''] = lines;
  expect(first, told).to.match(new RegExp(`^${program}: `));
  matches(first.slice(`${program}: `.length), says);
  matches((lines.at(-1) ?? '').trim(), hint);
};

/** As many programs at a time as start well beside each other on two cores. */
const batch = 4;

const run = (lab: Lab, { program, args, options, at }: WrongInput): Promise<Outcome> =>
  homeward(lab[at ?? (program === 'controller' ? 'relay' : 'backend')], program, args, {
    timeoutMs: 15_000,
    ...options,
  });

/** Types all cases, some at a time, then lets each be judged by a test of its own; the titles are known before the cases. */
const judge = (lab: () => Lab, titles: readonly string[], cases: () => readonly WrongInput[]): void => {
  const outcomes: Outcome[] = [];
  let found: readonly [Snapshot, Snapshot];

  before(async () => {
    found = [await snapshot(lab().relay), await snapshot(lab().backend)];
    for (let next = 0; next < titles.length; next += batch) {
      const group = cases().slice(next, next + batch);
      outcomes.push(...(await Promise.all(group.map((one) => run(lab(), one)))));
    }
  });

  titles.forEach((title, index) => {
    it(`${index + 1}: ${title}`, () => {
      const [tried, outcome] = [cases()[index], outcomes[index]];
      if (tried === undefined || outcome === undefined) throw new Error('it was not tried');
      expectTold(tried, outcome);
    });
  });

  it('changes nothing', async () => {
    await expectUnchanged(lab().relay, found[0]);
    await expectUnchanged(lab().backend, found[1]);
  });
};

const titlesOf = (cases: readonly WrongInput[]): string[] => cases.map(({ title }) => title);

describe('wrong input', () => {
  let lab: Lab;

  before(async () => {
    lab = await createLab();
    await startListener(lab.relay, 'webserver', 8443);
    for (const node of [lab.relay, lab.backend]) {
      mkdirSync(node.file('/run/wrong'));
      for (const [name, text] of Object.entries(wrongFiles)) writeFileSync(node.file(`/run/wrong/${name}`), text);
    }
    await lab.relay.must(['mkdir', '--mode=755', '/run/open']);
    await lab.relay.must(['mkdir', '--mode=700', '/run/foreign', '/run/damaged']);
    await lab.relay.must(['chown', '65534', '/run/foreign']);
    writeFileSync(lab.relay.file('/run/damaged/controller.json'), '{"version": 1,');
  });
  after(() => lab?.close());

  describe('without daemons', () => {
    judge(
      () => lab,
      titlesOf(alone),
      () => alone,
    );
  });

  describe('beside a controller', () => {
    before(() => startDaemon(lab.relay, 'controller'));
    judge(
      () => lab,
      titlesOf(besideController),
      () => besideController,
    );
  });

  describe('beside a pairing', () => {
    let token = '';
    const cases = (): WrongInput[] => [...besidePairing, ...withToken(token)];
    before(async () => {
      await homeward(lab.relay, 'controller', ['down']);
      ({ token } = await pairUp(lab, { forwards: ['80/tcp', '81/udp'] }));
    });
    judge(() => lab, titlesOf(cases()), cases);
  });
});
