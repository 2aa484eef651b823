/** Whom the relay asks to begin its tunnel anew. */

import { createRenewals, type Online } from '@homeward/controller/daemon/renewals';
import { expect } from 'chai';
import { describe, it } from 'mocha';

describe('daemon/renewals', () => {
  /** A backend online, and what it was sent. */
  function backend(
    agentKey: string,
    kind: 'wireguard' | 'external' = 'wireguard',
    capabilities = ['renew'],
    revision = 1,
  ) {
    const sent: string[] = [];
    const hello = { capabilities, revision } as unknown as Online['session']['hello'];
    const tunnel = kind === 'wireguard' ? { kind } : { kind, device: 'tun0' };
    const online: Online = {
      session: { agentKey, hello, send: ({ type }) => void sent.push(type) },
      pairing: { tunnel: tunnel as Online['pairing']['tunnel'] },
    };
    return { online, sent };
  }

  it('are those with a WireGuard tunnel, and an agent that knows the word', () => {
    const renewals = createRenewals();
    const fresh = backend('d', 'wireguard', ['renew'], 0);
    const backends = [backend('a'), backend('b', 'external'), backend('c', 'wireguard', ['wireguard']), fresh];
    renewals.deviceMade(backends.map(({ online }) => online));
    expect(backends.map(({ sent }) => sent)).to.deep.equal([['renew'], [], [], []]);
  });

  it('are none as long as the device was there before the relay', () => {
    const renewals = createRenewals();
    const { online, sent } = backend('a');
    renewals.attached(online.session, online.pairing);
    expect(sent).to.deep.equal([]);
  });

  it('are asked once a device, those that were away when they come', () => {
    const renewals = createRenewals();
    const [here, away] = [backend('here'), backend('away')];
    renewals.deviceMade([here.online]);
    for (const { online } of [here, away, away]) renewals.attached(online.session, online.pairing);
    expect([here.sent, away.sent]).to.deep.equal([['renew'], ['renew']]);
    renewals.deviceMade([here.online, away.online]);
    expect([here.sent.length, away.sent.length]).to.deep.equal([2, 2]);
  });
});
