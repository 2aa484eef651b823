/** Other programs' masquerading: harmless where ours binds first, and shown red where it does not. */
import { expect } from 'chai';
import { addIptablesMasquerade, addNftMasquerade, type Undo } from '../support/foreign.js';
import { controllerStatus, probe } from '../support/homeward.js';
import { createLab, type Lab } from '../support/lab.js';
import { pairUp } from '../support/pairing.js';
import { expectTcp, expectUdp } from '../support/real-client.js';
import { type Service, startNginx, startUdpEcho } from '../support/services.js';

/** nft's srcnat, where everybody masquerades, and a priority below our own srcnat - 20. */
const usualPriority = 100;
const priorityBeforeOurs = 70;

const forwards = ['80/tcp', '5300/udp'];

describe('foreign masquerading', () => {
  let lab: Lab;
  let nginx: Service;
  let echo: Service;
  let undo: Undo | undefined;

  before(async () => {
    lab = await createLab();
    [nginx, echo] = await Promise.all([startNginx(lab.backend, 80), startUdpEcho(lab.backend, 5300)]);
    await pairUp(lab, { forwards });
  });
  afterEach(async () => {
    await undo?.();
    undo = undefined;
  });
  after(() => lab?.close());

  const expectReal = async (): Promise<void> => {
    await expectTcp(lab, 80, nginx);
    await expectUdp(lab, 5300, echo);
    const { exitCode, report } = await probe(lab.relay);
    expect({ exitCode, ok: report.ok }, JSON.stringify(report)).to.deep.equal({ exitCode: 0, ok: true });
  };

  for (const side of ['relay', 'backend'] as const) {
    it(`by nft at the ${side} changes nothing`, async () => {
      undo = await addNftMasquerade(lab[side], usualPriority);
      await expectReal();
    });

    it(`by iptables at the ${side} changes nothing`, async () => {
      undo = await addIptablesMasquerade(lab[side]);
      await expectReal();
    });
  }

  it('that binds before ours turns the probe red and is named by the address seen', async () => {
    const tunnel = (await controllerStatus(lab.relay)).backends[0]?.tunnel;
    undo = await addNftMasquerade(lab.relay, priorityBeforeOurs, 'hw0');
    const { exitCode, report } = await probe(lab.relay);
    expect({ exitCode, ok: report.ok }).to.deep.equal({ exitCode: 1, ok: false });
    const results = report.results.filter(({ forward }) => forwards.includes(forward));
    // The rule is of IPv4: IPv6 clients are none of its business.
    expect(results.filter(({ family, ok }) => family === 'ipv6' && ok)).to.have.length(forwards.length);
    const rewritten = results.filter(({ family }) => family === 'ipv4');
    expect(rewritten).to.have.length(forwards.length);
    for (const result of rewritten) {
      expect(result.ok).to.equal(false);
      expect(result.seen, JSON.stringify(result)).to.match(
        new RegExp(`^${tunnel?.relayAddress?.replaceAll('.', '\\.')}:\\d+$`),
      );
      expect(result.cause).to.be.a('string');
    }
  });

  it('is gone, and the probe is green again', expectReal);
});
