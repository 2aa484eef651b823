/** Changes of tunnels that wait to be confirmed: kept, gone back from, and what is left of either. */

import { renamePairing, tunnelPorts } from '@homeward/controller/store/pairings';
import type { Pairing } from '@homeward/controller/store/state';
import { stateSchema } from '@homeward/controller/store/state';
import {
  formerTunnel,
  pairingOfChange,
  withChangesSettled,
  withTunnelsBack,
} from '@homeward/controller/store/tunnel-changes';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { z } from 'zod';
import { fallbackTo, paired, relayState, throughDevice, throughGre } from './relay-states.js';

const WIREGUARD = { kind: 'wireguard' } as const;

describe('store/tunnel-changes', () => {
  const former = (name: string, index: number) => paired(name, index, ['443/tcp']);
  const trial = (name: string, index: number): Pairing => ({
    ...throughGre(former(name, index)),
    ...{ applied: null, revision: 2, proof: { ok: false, at: 'then' } },
    fallback: { ...fallbackTo(WIREGUARD, former(name, index).applied), change: name },
  });
  const held = throughGre(paired('held', 3, []));
  const state = relayState([trial('home', 1), trial('nas', 2), held]);
  const home = ({ pairings }: typeof state) => pairings[0];

  it('are kept when they are proven, and gone back from no more', () => {
    const kept = withChangesSettled(state, 'home');
    expect(home(kept)).to.deep.equal({ ...trial('home', 1), fallback: null });
    expect(kept.pairings.slice(1)).to.deep.equal(state.pairings.slice(1));
    expect(withTunnelsBack(kept, 'home')).to.equal(kept);
    expect(withChangesSettled(kept, 'home')).to.equal(kept);
    expect(withChangesSettled(state, 'another')).to.equal(state);
  });

  it('are gone back from to what was, offered anew, one of them or all', () => {
    const one = withTunnelsBack(state, 'home');
    const outer = trial('home', 1).outer;
    expect(home(one)).to.deep.equal({
      ...{ ...former('home', 1), outer, revision: 3 },
      fallback: trial('home', 1).fallback,
    });
    expect(one.pairings.slice(1)).to.deep.equal(state.pairings.slice(1));
    const all = withTunnelsBack(state, null);
    expect(all.pairings.map(({ tunnel }) => tunnel.kind)).to.deep.equal(['wireguard', 'wireguard', 'gre']);
    expect(all.pairings[2]).to.equal(held);
  });

  it('are gone back from once, however many try', () => {
    const back = withTunnelsBack(state, 'home');
    expect(withTunnelsBack(back, 'home')).to.equal(back);
    expect(pairingOfChange(back, 'home')?.name, 'not settled until the kernel is as before').to.equal('home');
    expect(back.pairings.map(formerTunnel)).to.deep.equal([null, WIREGUARD, null]);
    const settled = withChangesSettled(back, null);
    expect(settled.pairings.map(({ fallback }) => fallback)).to.deep.equal([null, null, null]);
    expect(pairingOfChange(settled, 'home')).to.equal(undefined);
  });

  it('are found under the name that the backend has by then', () => {
    expect(pairingOfChange(renamePairing(state, 'home', 'attic'), 'home')?.name).to.equal('attic');
  });

  it('are stored, and read back as they were', () => {
    const mapped = throughGre(paired('mapped', 4, []), { udp: true, key: 0xffff_ffff }, 40_000);
    const external = throughDevice(paired('vpn', 5, []), 'tun0', { ipv4: '10.8.0.2', ipv6: null });
    const changing = { ...trial('nas2', 6), fallback: fallbackTo(external.tunnel, external.applied) };
    const all = relayState([...state.pairings, mapped, external, changing]);
    expect(z.decode(stateSchema, z.encode(stateSchema, all))).to.deep.equal(all);
  });

  it('that an older version left are read, and gone back from', () => {
    const stored = { ...JSON.parse(JSON.stringify(z.encode(stateSchema, state))) };
    stored.pairings[0].fallback = { kind: 'gre', udp: true, key: 7 };
    const read = stateSchema.parse(stored);
    expect(read.pairings[0]?.fallback).to.deep.equal({
      ...{ tunnel: { kind: 'gre', udp: true, key: 7 }, applied: null },
      ...{ change: '', confirmMs: 30_000 },
    });
    const back = withChangesSettled(withTunnelsBack(read, null), null).pairings[0];
    expect(back).to.deep.include({ tunnel: { kind: 'gre', udp: true, key: 7 }, applied: null, fallback: null });
  });

  it('keep the ports open of both', () => {
    const udp = { kind: 'gre', udp: true, key: 1 } as const;
    expect(tunnelPorts(state)).to.deep.equal([51_820]);
    expect(tunnelPorts(relayState([{ ...trial('home', 1), tunnel: udp }]))).to.deep.equal([51_820, 7700]);
    expect(tunnelPorts(relayState([{ ...trial('home', 1), fallback: fallbackTo(udp) }]))).to.deep.equal([51_820, 7700]);
    expect(tunnelPorts(relayState())).to.deep.equal([51_820]);
  });
});
