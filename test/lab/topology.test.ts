/** The lab itself: what the other tests rely on, without homeward. */
import { expect } from 'chai';
import { address, createLab, type Lab } from '../support/lab.js';
import { membersOf } from '../support/lab-mark.js';
import { tcpGet, udpAsk } from '../support/scripts.js';
import { startNginx, startUdpEcho } from '../support/services.js';

describe('the lab', () => {
  let lab: Lab;

  before(async () => {
    lab = await createLab();
  });
  after(() => lab?.close());

  it('reaches the relay from the client with the client’s own address', async () => {
    const nginx = await startNginx(lab.relay, 80);
    const { localPorts, errors } = await tcpGet(lab.client, address.relay, 80);
    expect(errors).to.deep.equal([]);
    expect(nginx.seen()).to.deep.equal([`${address.client}:${localPorts[0]}`]);
  });

  it('hides the backend behind the home’s public address', async () => {
    await startUdpEcho(lab.relay, 5300);
    const { reply } = await udpAsk(lab.backend, address.relay, 5300);
    expect(reply).to.match(new RegExp(`^${address.home}:`));
  });

  it('has no way from the client to the backend', async () => {
    const { reply } = await udpAsk(lab.client, address.backend, 5300, 2);
    expect(reply).to.equal(null);
  });

  it('filters strictly by reverse path at relay and backend', async () => {
    for (const node of [lab.relay, lab.backend]) {
      const values = await node.must([
        'sysctl',
        '-n',
        ...['all', 'default', 'eth0'].map((at) => `net.ipv4.conf.${at}.rp_filter`),
      ]);
      expect(values.split('\n')).to.deep.equal(['1', '1', '1']);
    }
  });

  it('is gone with all its processes when closed', async () => {
    const other = await createLab();
    other.relay.spawn(['setsid', '--fork', 'sleep', '1000']);
    await other.close();
    expect(membersOf(other.name)).to.deep.equal([]);
  });
});
