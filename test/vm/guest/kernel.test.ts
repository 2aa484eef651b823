/** The guest is what the tests in this folder are for: a stock kernel, with what the lab's own machine may lack. */
import { release } from 'node:os';
import { expect } from 'chai';
import { createLab, type Lab } from '../../support/lab.js';

describe('the guest', () => {
  let lab: Lab;

  before(async () => {
    lab = await createLab();
  });
  after(() => lab?.close());

  it("runs Debian's own kernel", () => {
    expect(release()).to.match(/-amd64$/);
  });

  it('makes links that only the kernel can make, in a machine of the lab', async () => {
    await lab.relay.must('ip link add kernelwg type wireguard'.split(' '));
    await lab.relay.must('ip link add kernelgre type gre local 198.51.100.1 remote 198.51.100.254'.split(' '));
    const links = await lab.relay.json<{ ifname: string }[]>(['ip', '-j', 'link']);
    expect(links.map(({ ifname }) => ifname)).to.include.members(['kernelwg', 'kernelgre']);
  });
});
