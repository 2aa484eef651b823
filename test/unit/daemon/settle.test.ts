/** What a relay puts in order before it touches the kernel: changes that were cut off, ports, the pool. */

import { settle } from '@homeward/controller/daemon/settle';
import type { RelayState } from '@homeward/controller/store/state';
import { openStore } from '@homeward/shared/host/store';
import { parseListeners } from '@homeward/shared/kernel/sockets';
import { parseIpv4Prefix } from '@homeward/shared/net/prefix';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { rejectionOf } from '../errors/thrown.js';
import { snapshotOf } from '../kernel/snapshots.js';
import { fallbackTo, paired, relayState, throughGre } from '../store/relay-states.js';

const SETTINGS = {
  ...{ listen: { host: '::', port: 7700 }, endpoints: [], repair: true },
  ...{ wireguardPort: null as number | null, pool: null as ReturnType<typeof parseIpv4Prefix> | null },
};
const PLAIN = { kind: 'gre', udp: false, key: null } as const;
const MACHINE = snapshotOf({ lo: ['127.0.0.1/8'], eth0: ['198.51.100.1/24'] }, ['default eth0']);

async function settled(state: RelayState, more: Partial<typeof SETTINGS> = {}, snapshot = MACHINE, sockets = '') {
  const store = await openStore<RelayState>(
    { read: async () => state, write: async () => undefined },
    async () => state,
  );
  await settle(store, { ...SETTINGS, ...more }, snapshot, parseListeners(sockets));
  return store.state();
}

describe('daemon/settle', () => {
  it('changes nothing of a relay that is in order', async () => {
    const state = relayState([paired('home', 1, ['443/tcp']), throughGre(paired('nas', 2, []))]);
    expect(await settled(state)).to.equal(state);
  });

  it('undoes changes of tunnels that were cut off, and leaves alone those that held', async () => {
    const home1 = paired('home', 1, []);
    const cutOff = {
      ...throughGre(home1, { udp: true, key: 1 }),
      applied: null,
      fallback: fallbackTo({ kind: 'wireguard' }, home1.applied),
    } as const;
    const held = throughGre(paired('nas', 2, []));
    const [home, nas] = (await settled(relayState([cutOff, held]))).pairings;
    expect(home).to.deep.include({ tunnel: { kind: 'wireguard' }, applied: home1.applied, revision: 2 });
    expect(home?.fallback, 'what its guard stands for, until the kernel is as before').to.equal(cutOff.fallback);
    expect(nas).to.deep.equal(held);
  });

  it('starts on no port that is forwarded: that of GRE in UDP counts where a backend uses it, or went back to it', async () => {
    const inUdp = { kind: 'gre', udp: true, key: 1 } as const;
    const taken = paired('nas', 2, ['7700/udp']);
    await settled(relayState([paired('home', 1, []), taken]));
    const using = [
      throughGre(paired('home', 1, []), inUdp),
      { ...paired('home', 1, []), tunnel: PLAIN, fallback: fallbackTo(inUdp) },
    ];
    for (const home of using) {
      const refusal = await rejectionOf(settled(relayState([home, taken])));
      expect(refusal).to.include({
        code: 'conflict',
        message: "homeward's tunnel port 7700/udp is forwarded to nas (7700/udp)",
      });
    }
  });

  it('gives WireGuard no port that GRE in UDP uses', async () => {
    const state = relayState([throughGre(paired('home', 1, []), { udp: true, key: 1 })]);
    expect(await rejectionOf(settled(state, { wireguardPort: 7700 }))).to.include({
      code: 'conflict',
      hint: 'choose another port with --wireguard-port',
    });
    expect((await settled(state, { wireguardPort: 7701 })).wireguard.port).to.equal(7701);
    expect((await settled(relayState([]), { wireguardPort: 7700 })).wireguard.port).to.equal(7700);
  });

  it('takes another pool though its own links of every kind are still there with the old one', async () => {
    const links = { eth0: ['198.51.100.1/24'], hw0: ['10.77.16.1/20'], hwg1: ['10.77.16.1/32'] };
    const standing = snapshotOf(links, ['default eth0', '10.77.16.0/20 hw0', '10.77.16.2 hwg1']);
    const state = relayState([throughGre(paired('home', 1, []))]);
    const wider = await settled(state, { pool: parseIpv4Prefix('10.77.0.0/16') }, standing);
    expect([wider.pool, wider.pairings[0]?.revision]).to.deep.equal(['10.77.0.0/16', 2]);
    const foreign = snapshotOf({ ...links, tun0: ['10.77.5.1/24'] }, ['default eth0']);
    expect(await rejectionOf(settled(state, { pool: parseIpv4Prefix('10.77.0.0/16') }, foreign))).to.include({
      code: 'conflict',
    });
  });
});
