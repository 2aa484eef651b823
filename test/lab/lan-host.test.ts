/** A host behind the backend is reached only if the backend's owner allows it, and then sees the client too. */
import { writeFileSync } from 'node:fs';
import { expect } from 'chai';
import { agentStatus, homeward, policyFile, probe } from '../support/homeward.js';
import { address, createLab, type Lab } from '../support/lab.js';
import { type Paired, pairUp } from '../support/pairing.js';
import { poll } from '../support/poll.js';
import { expectTcp } from '../support/real-client.js';
import { tcpGet } from '../support/scripts.js';
import { type Service, startNginx } from '../support/services.js';
import { type Snapshot, snapshot } from '../support/snapshot.js';
import { expectDone, expectUnchanged } from '../support/tidy.js';

const spec = `8088=${address.lan}:80/tcp`;

describe('a host behind the backend', () => {
  let lab: Lab;
  let nginx: Service;
  let backendBefore: Snapshot;
  let paired: Paired;

  beforeEach(async () => {
    lab = await createLab();
    nginx = await startNginx(lab.lan, 80);
    backendBefore = await snapshot(lab.backend);
  });
  afterEach(() => lab?.close());

  it('is refused without a policy that allows it, naming what to add', async () => {
    paired = await pairUp(lab, { forwards: ['81/tcp'] });
    await homeward(lab.relay, 'controller', ['forward', 'add', 'home', spec]);
    const refused = await poll('the refusal', 5_000, async () => {
      const { relays } = await agentStatus(lab.backend);
      return relays[0]?.refused.find((one) => one.spec === spec);
    });
    expect(refused.reason).to.match(/lan|policy/i);
    expect((await tcpGet(lab.client, address.relay, 8088)).replies).to.deep.equal([]);
    expect(nginx.seen()).to.deep.equal([]);
  });

  it('sees the client where the policy allows it, and all is as before after `down`', async () => {
    writeFileSync(lab.backend.file(policyFile), JSON.stringify({ lan: ['192.168.1.0/24'] }));
    paired = await pairUp(lab, { forwards: [spec] });
    expect(paired.pairing.events().at(-1)).to.include({ event: 'done', ok: true });
    await expectTcp(lab, 8088, nginx);
    expect((await probe(lab.relay)).exitCode).to.equal(0);
    expectDone(await homeward(lab.backend, 'agent', ['down']));
    await expectUnchanged(lab.backend, backendBefore);
  });
});
